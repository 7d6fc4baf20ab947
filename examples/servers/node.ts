/** The example pipelines on `node:http`. Run it: `node examples/servers/node.ts` */
import { NodeServer } from "../../adapters/node/index.ts"
import { main } from "../serving.ts"

await main(NodeServer.serve)
