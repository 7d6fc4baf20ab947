import { BunServer } from "../../adapters/bun/index.ts"
import { hello, levada } from "./levada.ts"

const headers = { "content-type": "application/json" }
const bare = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) =>
    new Response(hello(request.method === "GET" ? undefined : await request.text()), { headers })
})
const { url } = await BunServer.serve(levada, { port: 0 })
console.log(JSON.stringify({ bare: bare.url.origin, levada: url }))
