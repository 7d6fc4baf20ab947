/** The example pipelines on `Deno.serve`. Run it: `deno run -A examples/servers/deno.ts` */
import { DenoServer } from "../../adapters/deno/index.ts"
import { main } from "../serving.ts"

await main(DenoServer.serve)
