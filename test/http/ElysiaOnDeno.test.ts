import { http } from "../conformance/http/HttpConformance.ts"
import { secured } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

http("Elysia on Deno", () => launch("deno", "elysia"))
secured("Elysia on Deno", "deno", "elysia")
