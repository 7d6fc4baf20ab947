import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"

http("Bun.serve", () => launch("bun", "bun"))
