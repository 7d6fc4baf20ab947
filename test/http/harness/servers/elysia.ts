import { ElysiaPlugin } from "../../../../adapters/elysia/index.ts"
import { serve } from "./Serving.ts"

await serve(ElysiaPlugin.serve)
