/**
 * The program of the thread that renews leases, and what it and the main thread see of each other. It is a text, so that it
 * needs no file of its own: it starts from the sources, from the package and from a bundle alike.
 */

/** What the thread starts with. */
export interface Start {
  /** The beat of the main thread; then for each place the length of its text; then the texts. */
  readonly shared: SharedArrayBuffer
  /** The URL of ioredis. */
  readonly ioredis: string
  readonly url: string | undefined
  readonly options: object
  readonly commandMillis: number
  readonly prefix: string
  /** The script that renews. */
  readonly script: string
  readonly leaseMillis: number
  readonly blockedMillis: number
}

/** How many claims the thread can see. */
export const PLACES = 4_096

/** How long the text of a claim may be: its unit, a space, its token. */
export const MAX_TEXT = 124

/** Where the lengths begin, and the texts. */
export const LENGTHS_AT = 4
export const TEXTS_AT: number = LENGTHS_AT + 4 * PLACES

export const SHARED_BYTES: number = TEXTS_AT + PLACES * MAX_TEXT

/** How often the thread looks whether the main thread has beaten since it last looked, in a lease. The main thread beats twice as often. */
export const LOOKS = 6

/** How many leases one call renews. */
const MAX_MEMBERS = 500

/**
 * The program. It connects when the main thread is blocked, and no longer than that. The main thread may change a text while
 * it is read: what comes of that is no claim, or one that the script knows nothing of.
 */
export const PROGRAM: string = `"use strict"
const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads")
const { shared, ioredis, url, options, commandMillis, prefix, script, leaseMillis, blockedMillis } = workerData
const beat = new Int32Array(shared, 0, 1)
const lengths = new Int32Array(shared, ${LENGTHS_AT}, ${PLACES})
const texts = new Uint8Array(shared, ${TEXTS_AT})

const claims = () => {
  const found = []
  for (let place = 0; place < ${PLACES}; place++) {
    const length = Atomics.load(lengths, place)
    if (length === 0) continue
    const text = String.fromCharCode(...texts.subarray(place * ${MAX_TEXT}, place * ${MAX_TEXT} + length))
    if (/^[^: ]+:\\d+(?::\\d+)? \\d+$/.test(text)) found.push(text.split(" "))
  }
  return found
}

let client
let loading

// Loaded by the time it is needed; a program that ends at once needs none.
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
