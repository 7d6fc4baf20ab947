import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"
import { secured } from "./secured.ts"

http("Bun.serve", () => launch("bun", "bun"))
secured("Bun.serve", "bun", "bun")
