import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { securedSuite } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

httpConformance("Deno.serve", () => launch("deno", "deno"))
securedSuite("Deno.serve", "deno", "deno")
