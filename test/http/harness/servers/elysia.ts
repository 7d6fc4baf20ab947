import { ElysiaPlugin } from "../../../../adapters/elysia/index.ts"
import { serve } from "./FixtureServer.ts"

await serve(ElysiaPlugin.serve)
