/** The cost of event readers: runs per second with them compared with none, and the server's memory, on Node. */
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { percent, rates, server, serving } from "./wrk.ts"

/** The number of readers of all events, and whether they read. */
const READERS = {
  none: { count: 0, areDeaf: false },
  "100 that never read": { count: 100, areDeaf: true },
  "1 that reads": { count: 1, areDeaf: false },
  "10 that read": { count: 10, areDeaf: false }
} as const

/** Requests all events; discards what arrives, or does not read it. */
const open = async (url: URL, isDeaf: boolean): Promise<Socket> => {
  const socket = connect({ port: Number(url.port), host: url.hostname }).on("error", () => undefined)
  await once(socket, "connect")
  socket.write(`GET /events HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`)
  return isDeaf ? socket.pause() : socket.resume()
}

/** Runs enough to fill the system's socket buffers of readers that do not read. */
const fill = async (url: string): Promise<void> => {
  const body = JSON.stringify({ parameters: { text: "x".repeat(20_000) }, wait: true })
  for (let done = 0; done < 600; done++) {
    await (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).text()
  }
}

export const readers = (): Promise<void> =>
  serving<{ readonly levada: string }>(["node", server("node.ts")], async ({ levada }) => {
    const asked = { url: `${levada}/pipelines/shout/execute`, body: `{"parameters":{"text":"hello"},"wait":true}` }
    const memory = new Map<string, number>()
    const names = Object.keys(READERS) as ReadonlyArray<keyof typeof READERS>
    const found = await rates(
      Object.fromEntries(names.map((name) => [name, asked])) as Record<keyof typeof READERS, typeof asked>,
      async (name, measure) => {
        const { count, areDeaf } = READERS[name]
        const sockets = await Promise.all(Array.from({ length: count }, () => open(new URL(levada), areDeaf)))
        if (areDeaf) await fill(asked.url)
        const rate = await measure()
        const { memory_mb } = (await (await fetch(`${levada}/health`)).json()) as { readonly memory_mb: number }
        memory.set(name, Math.max(memory.get(name) ?? 0, memory_mb))
        for (const socket of sockets) socket.destroy()
        return rate
      }
    )
    console.log(`Execute and wait with readers of all events, against none (${Math.round(found.none)}/s)`)
    for (const name of names) {
      console.log(`  ${name.padEnd(20)} ${percent(found[name], found.none)}   (at most ${memory.get(name)} MB)`)
    }
  })

if (import.meta.main) await readers()
