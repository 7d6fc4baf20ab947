/**
 * The program of the thread that renews leases, and the layout of the memory that it shares with the main thread. It is a
 * text and not a file, so that it starts from the sources, from the package and from a bundle.
 */

/** The `workerData` of the thread. */
export interface Start {
  /** The heartbeat of the main thread, a counter; then the length of the text in each slot; then the texts. */
  readonly shared: SharedArrayBuffer
  /** The URL of ioredis. */
  readonly ioredis: string
  readonly url: string | undefined
  readonly options: object
  readonly commandMillis: number
  readonly prefix: string
  /** The script `renew`. */
  readonly script: string
  readonly leaseMillis: number
  readonly blockedMillis: number
}

/** How many claims the shared memory has room for. */
export const SLOTS = 4_096

/** The longest text of a claim, in characters: its unit, a space, its token. */
export const MAX_TEXT = 124

/** The offsets of the lengths and of the texts, in bytes. */
export const LENGTHS_AT = 4
export const TEXTS_AT: number = LENGTHS_AT + 4 * SLOTS

export const SHARED_BYTES: number = TEXTS_AT + SLOTS * MAX_TEXT

/** How often in a lease the thread checks the heartbeat. The main thread beats twice as often. */
export const LOOKS = 6

/** How many leases one call renews. */
const MAX_MEMBERS = 500

/**
 * The program. It is connected only while the main thread is blocked. If the main thread changes a text while the program
 * reads it, the result is not a claim, or a claim with an unknown token, which the script ignores.
 */
export const PROGRAM: string = `"use strict"
const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads")
const { shared, ioredis, url, options, commandMillis, prefix, script, leaseMillis, blockedMillis } = workerData
const beat = new Int32Array(shared, 0, 1)
const lengths = new Int32Array(shared, ${LENGTHS_AT}, ${SLOTS})
const texts = new Uint8Array(shared, ${TEXTS_AT})

const claims = () => {
  const found = []
  for (let slot = 0; slot < ${SLOTS}; slot++) {
    const length = Atomics.load(lengths, slot)
    if (length === 0) continue
    const text = String.fromCharCode(...texts.subarray(slot * ${MAX_TEXT}, slot * ${MAX_TEXT} + length))
    if (/^[^: ]+:\\d+(?::\\d+)? \\d+$/.test(text)) found.push(text.split(" "))
  }
  return found
}

let client
let loading

// Called at the first heartbeat, so that ioredis is loaded before it is needed, but not in a process that ends at once.
const load = () => {
  loading ??= import(ioredis)
  return loading
}

const connect = async () => {
  const loaded = await load()
  const Redis = loaded.Redis ?? loaded.default
  const all = {
    replyMapping: "legacy",
    connectTimeout: commandMillis,
    commandTimeout: commandMillis,
    ...options,
    lazyConnect: true,
    enableOfflineQueue: true,
    retryStrategy: () => null
  }
  const made = url === undefined ? new Redis(all) : new Redis(url, all)
  made.on("error", () => undefined)
  return made
}

const disconnect = () => {
  client?.disconnect()
  client = undefined
}

const renew = async () => {
  client ??= await connect()
  const found = claims()
  for (let from = 0; from < found.length; from += ${MAX_MEMBERS}) {
    await client.eval(script, 1, prefix, leaseMillis, ...found.slice(from, from + ${MAX_MEMBERS}).flat())
  }
}

const failed = (error) => parentPort.postMessage(String(error?.message))

let heard = Atomics.load(beat, 0)
let heardAt = performance.now()
let isRenewing = false

const look = async () => {
  if (isRenewing) return
  const now = Atomics.load(beat, 0)
  if (now !== heard) {
    heard = now
    heardAt = performance.now()
    disconnect()
    return load().catch(failed)
  }
  if (performance.now() - heardAt > blockedMillis) return disconnect()
  isRenewing = true
  try {
    await renew()
  } catch (error) {
    disconnect()
    failed(error)
  }
  isRenewing = false
}

setInterval(look, leaseMillis / ${LOOKS})
`
