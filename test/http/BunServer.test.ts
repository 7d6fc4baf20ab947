import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { securedSuite } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

httpConformance("Bun.serve", () => launch("bun", "bun"))
securedSuite("Bun.serve", "bun", "bun")
