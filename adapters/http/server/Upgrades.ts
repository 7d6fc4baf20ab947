/** WebSockets as Bun and Deno have them, for their bindings and for Elysia on them. */
import { type Accept, toResponse } from "./Fetch.ts"
import { NO_SOCKETS, type SocketListener } from "./Message.ts"

/** What Deno makes WebSockets with. Its types come with the runtime. */
interface DenoSockets {
  readonly upgradeWebSocket: (
    request: Request,
    options: { readonly idleTimeout: number }
  ) => { readonly socket: WebSocket; readonly response: Response }
}

/** How long the other end of a WebSocket may be quiet on Deno, which asks for a sign of life itself, in seconds. */
const DENO_IDLE_SECONDS = 60

/** Makes a WebSocket of a connection to Deno's server. */
export const upgradeOnDeno = (request: Request, accept: Accept): Response => {
  const { Deno } = globalThis as unknown as { readonly Deno: DenoSockets }
  let upgrade: ReturnType<DenoSockets["upgradeWebSocket"]>
  try {
    upgrade = Deno.upgradeWebSocket(request, { idleTimeout: DENO_IDLE_SECONDS })
  } catch {
    // Not what a WebSocket begins with, or not a request of Deno's own server.
    return toResponse(NO_SOCKETS)
  }
  const { socket, response } = upgrade
  socket.onopen = () => {
    const listener = accept({
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text)
      },
      buffered: () => socket.bufferedAmount,
      close: (code, reason) => socket.close(code, reason)
    })
    socket.onmessage = ({ data }) => listener.message(data)
    socket.onclose = () => listener.closed()
  }
  // What is wrong with the other end is followed by its close.
  socket.onerror = (event) => event.preventDefault()
  return response
}

/** What Bun has of a WebSocket. */
export interface BunSocket {
  readonly data: BunListener
  readonly send: (text: string) => void
  readonly getBufferedAmount: () => number
  readonly close: (code: number, reason: string) => void
}

/** What listens to one on Bun: Elysia has the same on its sockets. */
export interface BunListener {
  readonly open: (socket: BunSocket) => void
  readonly message: (socket: BunSocket, data: unknown) => void
  readonly close: (socket: BunSocket) => void
}

/** What Bun's server makes WebSockets with. */
export interface BunUpgrades {
  readonly upgrade: (request: Request, options: { readonly data: BunListener }) => boolean
}

/** What a server of Bun's has to be told for that. */
export const bunSockets: BunListener = {
  open: (socket) => socket.data.open(socket),
  message: (socket, data) => socket.data.message(socket, data),
  close: (socket) => socket.data.close(socket)
}

/** Makes a WebSocket of a connection to a server of Bun's that was told about them. */
export const upgradeOnBun = (request: Request, server: BunUpgrades, accept: Accept): Response | undefined => {
  try {
    return server.upgrade(request, { data: listenerOf(accept) }) ? undefined : toResponse(NO_SOCKETS)
  } catch {
    return toResponse(NO_SOCKETS)
  }
}

const listenerOf = (accept: Accept): BunListener => {
  let listener: SocketListener | undefined
  return {
    open: (socket) => {
      listener = accept({
        send: (text) => socket.send(text),
        buffered: () => socket.getBufferedAmount(),
        close: (code, reason) => socket.close(code, reason)
      })
    },
    message: (_, data) => listener?.message(data),
    close: () => listener?.closed()
  }
}
