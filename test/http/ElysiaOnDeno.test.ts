import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"
import { secured } from "./secured.ts"

http("Elysia on Deno", () => launch("deno", "elysia"))
secured("Elysia on Deno", "deno", "elysia")
