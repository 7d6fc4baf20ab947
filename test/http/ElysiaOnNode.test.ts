import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { securedSuite } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

httpConformance("Elysia on Node", () => launch("node", "elysia"))
securedSuite("Elysia on Node", "node", "elysia")
