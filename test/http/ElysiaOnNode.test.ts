import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"
import { secured } from "./secured.ts"

http("Elysia on Node", () => launch("node", "elysia"))
secured("Elysia on Node", "node", "elysia")
