import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"

http("node:http", () => launch("node", "node"))
