import { http } from "../conformance/http/HttpConformance.ts"
import { secured } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

http("Elysia on Node", () => launch("node", "elysia"))
secured("Elysia on Node", "node", "elysia")
