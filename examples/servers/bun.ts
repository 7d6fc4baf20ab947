/** The example pipelines on `Bun.serve`. Run it: `bun examples/servers/bun.ts` */
import { BunServer } from "../../adapters/bun/index.ts"
import { main } from "../serving.ts"

await main(BunServer.serve)
