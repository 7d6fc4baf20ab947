import { ElysiaPlugin } from "../../../adapters/elysia/index.ts"
import { announce, make, WHERE } from "./Serving.ts"

announce(await ElysiaPlugin.serve(make(), WHERE))
