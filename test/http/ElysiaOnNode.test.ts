import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"

http("Elysia on Node", () => launch("node", "elysia"))
