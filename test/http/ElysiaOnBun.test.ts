import { http } from "../conformance/http/HttpConformance.ts"
import { secured } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

http("Elysia on Bun", () => launch("bun", "elysia"))
secured("Elysia on Bun", "bun", "elysia")
