import { BunServer } from "../../../../adapters/bun/index.ts"
import { serve } from "./Serving.ts"

await serve(BunServer.serve)
