/** What strangers in number cost known principals: their requests per second among strangers, against without, on Node. */
import { once } from "node:events"
import { Agent, request } from "node:http"
import { connect, type Socket } from "node:net"
import { percent, rates, server, serving } from "./wrk.ts"

/** How many say half of a request and no more, how many ask for a WebSocket and say nothing, and how many denials a second there are. */
const HALF_SENT = 300
const MUTE = 100
const DENIED = 1_000

/** How often denials are asked for, in milliseconds. */
const TURN = 20

const UPGRADE =
  "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

const open = async (url: URL, said: string): Promise<Socket> => {
  const socket = connect({ port: Number(url.port), host: url.hostname }).on("error", () => undefined)
  await once(socket, "connect")
  socket.write(said)
  return socket.resume()
}

/** Strangers that are there until what is returned is called; that gives how many were denied. */
const crowd = async (url: URL): Promise<() => number> => {
  const half = `POST /pipelines/shout/execute HTTP/1.1\r\nhost: ${url.host}\r\n`
  const sockets = await Promise.all([
    ...Array.from({ length: HALF_SENT }, () => open(url, half)),
    ...Array.from({ length: MUTE }, () => open(url, `GET /ws HTTP/1.1\r\nhost: ${url.host}\r\n${UPGRADE}\r\n`))
  ])
  const agent = new Agent({ keepAlive: true, maxSockets: 50 })
  let denied = 0
  const deny = (): void => {
    const path = `/runs/01k8j5lp955mjiil1018jf${denied}`
    request(new URL(path, url), { agent, headers: { "x-api-key": `wrong-${denied}` } }, (answer) => {
      denied++
      answer.resume()
    })
      .on("error", () => undefined)
      .end()
  }
  const turn = setInterval(() => {
    for (let count = 0; count < (DENIED * TURN) / 1_000; count++) deny()
  }, TURN)
  return () => {
    clearInterval(turn)
    agent.destroy()
    for (const socket of sockets) socket.destroy()
    return denied
  }
}

export const strangers = (): Promise<void> =>
  serving<{ readonly url: string; readonly key: string }>(["node", server("strangers.ts")], async ({ url, key }) => {
    const header = ["X-API-Key", key] as const
    const dag = { url: `${url}/pipelines/graph/dag`, header }
    const execute = {
      url: `${url}/pipelines/shout/execute`,
      header,
      body: `{"parameters":{"text":"hello"},"wait":true}`
    }
    let denied = 0
    let rounds = 0
    const found = await rates(
      { dag, "dag among them": dag, execute, "execute among them": execute },
      async (name, measure) => {
        if (!name.endsWith("among them")) return measure()
        const leave = await crowd(new URL(url))
        try {
          return await measure()
        } finally {
          denied += leave()
          rounds++
        }
      }
    )
    console.log(
      `Among ${HALF_SENT} half-sent requests, ${MUTE} mute WebSockets and ${Math.round(denied / rounds)} denials a round, on Node`
    )
    console.log(`  GET dag           ${percent(found["dag among them"], found.dag)} of ${Math.round(found.dag)}/s`)
    console.log(
      `  execute and wait  ${percent(found["execute among them"], found.execute)} of ${Math.round(found.execute)}/s`
    )
  })

if (import.meta.main) await strangers()
