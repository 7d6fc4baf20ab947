import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { securedSuite } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

httpConformance("Elysia on Bun", () => launch("bun", "elysia"))
securedSuite("Elysia on Bun", "bun", "elysia")
