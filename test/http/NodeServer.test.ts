import { http } from "./HttpConformance.ts"
import { launch } from "./launch.ts"
import { secured } from "./secured.ts"

http("node:http", () => launch("node", "node"))
secured("node:http", "node", "node")
