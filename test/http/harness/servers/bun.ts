import { BunServer } from "../../../../adapters/bun/index.ts"
import { serve } from "./FixtureServer.ts"

await serve(BunServer.serve)
