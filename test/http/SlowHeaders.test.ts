/** A client that goes on sending headers for ever is cut off: by the servers that have a limit on that. */
import { afterAll, expect, test } from "vitest"
import { type Launched, launch } from "./harness/launch.ts"
import { RawConnection } from "./harness/RawConnection.ts"

/** How often it sends one more header, in milliseconds. */
const EVERY = 1_000

const servers: Array<Launched> = []
afterAll(() => Promise.all(servers.map((server) => server.close())))

// `Deno.serve` has none, so on Deno strangers are served by the binding for Node.
test.concurrent.for([
  ["NodeServer", "node", "node"],
  ["NodeServer", "deno", "node"],
  ["BunServer", "bun", "bun"]
] as const)("%s on %s", { timeout: 90_000 }, async ([, runtime, script]) => {
  const server = await launch(runtime, script)
  servers.push(server)
  const slow = await RawConnection.open(server)
  await slow.send(`GET /health HTTP/1.1\r\nhost: ${slow.host}\r\n`)
  const more = setInterval(() => void slow.send("x: y\r\n"), EVERY)
  await slow.closed
  clearInterval(more)
  slow.destroy()
  // Others are served, meanwhile and after.
  expect((await fetch(`${server.url}/health`)).status).toBe(200)
})
