import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"

http("Deno.serve", () => launch("deno", "deno"))
