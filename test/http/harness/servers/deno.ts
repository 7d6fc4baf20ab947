import { DenoServer } from "../../../../adapters/deno/index.ts"
import { serve } from "./Serving.ts"

await serve(DenoServer.serve)
