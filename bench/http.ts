/** Requests per second compared with the bare runtime's own JSON hello, in the same process. */
import { percent, rates, server, serving } from "./wrk.ts"

const SERVERS = {
  node: ["node", server("node.ts")],
  bun: ["bun", server("bun.ts")],
  deno: ["deno", "run", "-A", "--unstable-no-legacy-abort", server("deno.ts")]
} as const

const body = `{"parameters":{"text":"hello"},"wait":true}`

export const http = async (): Promise<void> => {
  console.log("HTTP against the bare runtime's JSON hello (targets: GET dag 85 %, execute and wait 60 %)")
  for (const [runtime, program] of Object.entries(SERVERS)) {
    await serving<{ readonly bare: string; readonly levada: string }>(program, async ({ bare, levada }) => {
      const { hello, dag, posted, execute } = await rates({
        hello: { url: bare },
        dag: { url: `${levada}/pipelines/graph/dag` },
        posted: { url: bare, body },
        execute: { url: `${levada}/pipelines/shout/execute`, body }
      })
      console.log(
        `  ${runtime.padEnd(5)} GET dag ${percent(dag, hello)}; execute and wait ${percent(execute, posted)} of a POST that reads its JSON, ${percent(execute, hello)} of a GET   (hello ${Math.round(hello)}/s)`
      )
    })
  }
}

if (import.meta.main) await http()
