import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"
import { secured } from "./secured.ts"

http("Deno.serve", () => launch("deno", "deno"))
secured("Deno.serve", "deno", "deno")
