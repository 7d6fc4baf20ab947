import { http } from "../conformance/http/HttpConformance.ts"
import { secured } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

http("Bun.serve", () => launch("bun", "bun"))
secured("Bun.serve", "bun", "bun")
