import { BunServer } from "../../../adapters/bun/index.ts"
import { announce, make, WHERE } from "./Serving.ts"

announce(await BunServer.serve(make(), WHERE))
