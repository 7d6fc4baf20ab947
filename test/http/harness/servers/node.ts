import { NodeServer } from "../../../../adapters/node/index.ts"
import { serve } from "./FixtureServer.ts"

await serve(NodeServer.serve)
