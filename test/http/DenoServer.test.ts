import { http } from "../conformance/http/HttpConformance.ts"
import { secured } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

http("Deno.serve", () => launch("deno", "deno"))
secured("Deno.serve", "deno", "deno")
