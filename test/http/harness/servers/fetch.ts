/** The fetch handler in somebody's own server, below a path of it. */
import { announce, make, WHERE } from "./Serving.ts"

const BASE_PATH = "/flows"

const levada = make(BASE_PATH)
const server = Bun.serve({
  hostname: WHERE.host,
  port: WHERE.port,
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
