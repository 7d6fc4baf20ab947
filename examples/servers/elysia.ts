/** The example pipelines on Elysia. Run it: `bun examples/servers/elysia.ts`, or with node or deno */
import { ElysiaPlugin } from "../../adapters/elysia/index.ts"
import { main } from "../serving.ts"

await main(ElysiaPlugin.serve)
