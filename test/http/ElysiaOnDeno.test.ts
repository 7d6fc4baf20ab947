import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"

http("Elysia on Deno", () => launch("deno", "elysia"))
