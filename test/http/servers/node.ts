import { NodeServer } from "../../../adapters/node/index.ts"
import { announce, make, WHERE } from "./Serving.ts"

announce(await NodeServer.serve(make(), WHERE))
