import { DenoServer } from "../../../../adapters/deno/index.ts"
import { serve } from "./FixtureServer.ts"

await serve(DenoServer.serve)
