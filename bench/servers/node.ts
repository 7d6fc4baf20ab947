import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { NodeServer } from "../../adapters/node/index.ts"
import { hello, levada } from "./levada.ts"

const headers = { "content-type": "application/json" }
const bare = createServer((request, response) => {
  const answer = (body: string): void => {
    response.writeHead(200, { ...headers, "content-length": Buffer.byteLength(body) })
    response.end(body)
  }
  if (request.method === "GET") return answer(hello())
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => answer(hello(Buffer.concat(chunks).toString())))
})
bare.listen(0, "127.0.0.1", async () => {
  const { url } = await NodeServer.serve(levada, { port: 0 })
  console.log(JSON.stringify({ bare: `http://127.0.0.1:${(bare.address() as AddressInfo).port}`, levada: url }))
})
