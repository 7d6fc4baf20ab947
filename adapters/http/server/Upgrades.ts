/** WebSocket upgrades on Bun and Deno, for their own bindings and for Elysia. */
import { type Accept, toResponse } from "./Fetch.ts"
import { NO_SOCKETS, type SocketListener } from "./Message.ts"

/** The part of `Deno` that makes WebSockets. Its types come with the runtime. */
interface DenoSockets {
  readonly upgradeWebSocket: (
    request: Request,
    options: { readonly idleTimeout: number }
  ) => { readonly socket: WebSocket; readonly response: Response }
}

/** How long a WebSocket may be idle on Deno, in seconds. Deno sends pings itself. */
const DENO_IDLE_SECONDS = 60

/** Turns a connection to Deno's server into a WebSocket. */
export const upgradeOnDeno = (request: Request, accept: Accept): Response => {
  const { Deno } = globalThis as unknown as { readonly Deno: DenoSockets }
  let upgrade: ReturnType<DenoSockets["upgradeWebSocket"]>
  try {
    upgrade = Deno.upgradeWebSocket(request, { idleTimeout: DENO_IDLE_SECONDS })
  } catch {
    // Not a valid WebSocket handshake, or not a request of Deno's own server.
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
  // A close event follows each error.
  socket.onerror = (event) => event.preventDefault()
  return response
}

/** The part of Bun's WebSocket that this file uses. */
export interface BunSocket {
  readonly data: BunListener
  readonly send: (text: string) => void
  readonly getBufferedAmount: () => number
  readonly close: (code: number, reason: string) => void
}

/** A listener of Bun's WebSockets; Elysia uses the same shape. */
export interface BunListener {
  readonly open: (socket: BunSocket) => void
  readonly message: (socket: BunSocket, data: unknown) => void
  readonly close: (socket: BunSocket) => void
}

/** The part of Bun's server that makes WebSockets. */
export interface BunUpgrades {
  readonly upgrade: (request: Request, options: { readonly data: BunListener }) => boolean
}

/** The `websocket` option that Bun's server needs for `upgradeOnBun`. */
export const bunSockets: BunListener = {
  open: (socket) => socket.data.open(socket),
  message: (socket, data) => socket.data.message(socket, data),
  close: (socket) => socket.data.close(socket)
}

/** Turns a connection to Bun's server into a WebSocket. The server must have `bunSockets` as its `websocket` option. */
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
