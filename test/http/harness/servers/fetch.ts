/** The fetch handler within a host program's server, below a base path. */
import { ADDRESS, announce, fixtureLevada } from "./FixtureServer.ts"

const BASE_PATH = "/flows"

const levada = fixtureLevada(BASE_PATH)
const server = Bun.serve({
  hostname: ADDRESS.host,
  port: ADDRESS.port,
  idleTimeout: 0,
  routes: { [`${BASE_PATH}/*`]: levada.fetch },
  fetch: () => new Response("This is the host program's own answer", { status: 404, headers: { "x-own": "yes" } })
})

announce({
  url: `${server.url.origin}${BASE_PATH}`,
  close: async () => {
    const stopped = server.stop(false)
    await levada.close()
    await stopped
  }
})
