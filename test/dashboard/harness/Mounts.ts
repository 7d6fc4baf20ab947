/** Ways in which programs mount the API: behind a proxy that removes a prefix, and as a fetch handler in a server of their own. */
import { createServer, type IncomingMessage, type RequestListener, request } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ReadableStream } from "node:stream/web"

/** A server of a test. */
export interface Mount {
  readonly url: string
  readonly close: () => Promise<void>
}

const listen = async (path: string, listener: RequestListener): Promise<Mount> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

/** A proxy that serves `target` below `prefix`, and forwards requests without the prefix. It serves nothing else. */
export const proxied = (target: string, prefix: string): Promise<Mount> =>
  listen(prefix, (incoming, answer) => {
    const { url = "", method, headers } = incoming
    if (!url.startsWith(`${prefix}/`)) {
      answer.writeHead(404).end()
      return
    }
    const { host, hostname, port } = new URL(target)
    const path = url.slice(prefix.length)
    const forwarded = request({ hostname, port, path, method, headers: { ...headers, host } }, (reply) => {
      answer.writeHead(reply.statusCode!, reply.rawHeaders)
      pipeline(reply, answer).catch(() => undefined)
    })
    // Either side may go away at any time.
    forwarded.on("error", () => answer.destroy())
    answer.on("close", () => forwarded.destroy())
    pipeline(incoming, forwarded).catch(() => undefined)
  })

const toRequest = ({ url, method = "GET", headers }: IncomingMessage, body: Buffer, signal: AbortSignal): Request =>
  new Request(`http://${headers.host}${url}`, {
    method,
    headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
    signal,
    body: body.length > 0 ? new Uint8Array(body) : null
  })

/** A program's own server, which gives the requests below `basePath` to a fetch handler. */
export const bridged = (handler: (request: Request) => Promise<Response>, basePath: string): Promise<Mount> =>
  listen(basePath, async (incoming, answer) => {
    if (!incoming.url!.startsWith(basePath)) {
      answer.writeHead(404).end()
      return
    }
    const gone = new AbortController()
    answer.on("close", () => gone.abort())
    const body = Buffer.concat(await incoming.toArray())
    const response = await handler(toRequest(incoming, body, gone.signal))
    answer.writeHead(response.status, Object.fromEntries(response.headers))
    if (response.body === null) answer.end()
    else await pipeline(Readable.fromWeb(response.body as unknown as ReadableStream), answer).catch(() => undefined)
  })
