import { DenoServer } from "../../adapters/deno/index.ts"
import { hello, levada } from "./levada.ts"

interface Served {
  readonly addr: { readonly port: number }
}
const { Deno } = globalThis as unknown as {
  readonly Deno: {
    readonly serve: (options: object, handler: (request: Request) => Response | Promise<Response>) => Served
  }
}
const headers = { "content-type": "application/json" }
const bare = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => undefined }, async (request) => {
  return new Response(hello(request.method === "GET" ? undefined : await request.text()), { headers })
})
const { url } = await DenoServer.serve(levada, { port: 0 })
console.log(JSON.stringify({ bare: `http://127.0.0.1:${bare.addr.port}`, levada: url }))
