import { NodeServer } from "../../../../adapters/node/index.ts"
import { serve } from "./Serving.ts"

await serve(NodeServer.serve)
