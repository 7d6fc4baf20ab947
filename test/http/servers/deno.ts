import { DenoServer } from "../../../adapters/deno/index.ts"
import { announce, make, WHERE } from "./Serving.ts"

announce(await DenoServer.serve(make(), WHERE))
