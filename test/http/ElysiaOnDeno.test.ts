import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { securedSuite } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

httpConformance("Elysia on Deno", () => launch("deno", "elysia"))
securedSuite("Elysia on Deno", "deno", "elysia")
