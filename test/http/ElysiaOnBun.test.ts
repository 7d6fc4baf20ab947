import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"
import { secured } from "./secured.ts"

http("Elysia on Bun", () => launch("bun", "elysia"))
secured("Elysia on Bun", "bun", "elysia")
