/** Renews leases while a task blocks the thread of its worker: another thread does, over a connection of its own. */
import type { Claim } from "../../../core/store/Work.ts"
import * as Connection from "../connection/Connection.ts"
import { SCRIPTS } from "../lua/LuaCommands.ts"
import {
  LENGTHS_AT,
  LOOKS,
  MAX_TEXT,
  PLACES,
  PROGRAM,
  SHARED_BYTES,
  type Start,
  TEXTS_AT
} from "./LeaseRenewalProgram.ts"
import { unitOf } from "./WorkCode.ts"

/** What is used of a thread of the runtime. */
interface Thread {
  readonly on: (event: "message" | "error", listener: (told: unknown) => void) => unknown
  readonly terminate: () => unknown
  readonly unref: () => void
}

interface WorkerThreads {
  readonly Worker: new (code: string, options: { readonly eval: true; readonly workerData: Start }) => Thread
}

/** Where leases are, and how long they are renewed. */
export interface RenewingOptions {
  readonly connection: Connection.Options
  readonly prefix: string
  readonly leaseMillis: number
  readonly blockedMillis: number
  /** Told once why no thread renews. */
  readonly failed: (reason: string) => void
}

/**
 * Shows the claims of this process to a thread, which renews their leases once this thread has not beaten for a third of a
 * lease. The thread starts with the first claim. Where it can't, only workers renew.
 */
export class LeaseRenewal {
  readonly #options: RenewingOptions
  readonly #shared = new SharedArrayBuffer(SHARED_BYTES)
  readonly #beat = new Int32Array(this.#shared, 0, 1)
  readonly #lengths = new Int32Array(this.#shared, LENGTHS_AT, PLACES)
  readonly #texts = new Uint8Array(this.#shared, TEXTS_AT)
  /** Where claims are, by token. */
  readonly #places: Map<string, number> = new Map()
  readonly #free: Array<number> = []
  /** How many places were ever taken. */
  #taken = 0
  #state: "new" | "open" | "closed" = "new"
  #thread: Thread | undefined = undefined
  #timer: ReturnType<typeof setInterval> | undefined = undefined

  constructor(options: RenewingOptions) {
    this.#options = options
  }

  add(claim: Claim): void {
    if (this.#state === "new") this.#start()
    if (this.#thread === undefined) return
    const text = `${unitOf(claim)} ${claim.token}`
    const place = this.#free.pop() ?? (this.#taken < PLACES ? this.#taken++ : undefined)
    // Its worker renews it all the same.
    if (place === undefined) return
    this.#places.set(claim.token, place)
    if (text.length > MAX_TEXT) return
    const from = place * MAX_TEXT
    for (let at = 0; at < text.length; at++) this.#texts[from + at] = text.charCodeAt(at)
    Atomics.store(this.#lengths, place, text.length)
  }

  remove({ token }: Claim): void {
    const place = this.#places.get(token)
    if (place === undefined) return
    this.#places.delete(token)
    Atomics.store(this.#lengths, place, 0)
    this.#free.push(place)
  }

  close(): void {
    this.#state = "closed"
    clearInterval(this.#timer)
    const thread = this.#thread
    this.#thread = undefined
    thread?.terminate()
  }

  #start(): void {
    this.#state = "open"
    const { connection, prefix, leaseMillis, blockedMillis } = this.#options
    try {
      const { url, redis: options = {} } = connection
      if (!isPlain(options)) throw new Error("`redis` has functions or instances, which another thread can't have")
      const { process } = globalThis as unknown as {
        readonly process?: { readonly getBuiltinModule?: (name: string) => WorkerThreads | undefined }
      }
      const threads = process?.getBuiltinModule?.("node:worker_threads")
      if (threads === undefined) throw new Error("this runtime has no threads")
      const workerData: Start = {
        shared: this.#shared,
        ioredis: import.meta.resolve("ioredis"),
        url,
        options,
        commandMillis: Connection.commandMillis(leaseMillis),
        prefix,
        script: SCRIPTS.renew,
        leaseMillis: Math.ceil(leaseMillis),
        blockedMillis
      }
      const thread = new threads.Worker(PROGRAM, { eval: true, workerData })
      thread.on("message", (reason) => this.#failed(String(reason)))
      thread.on("error", (error) => {
        this.#failed(error)
        this.close()
      })
      thread.unref()
      this.#thread = thread
      this.#timer = setInterval(() => Atomics.add(this.#beat, 0, 1), leaseMillis / LOOKS / 2)
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    this.#options.failed(error instanceof Error ? error.message : String(error))
  }
}

/** Whether another thread would get a value as it is. */
const isPlain = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return typeof value !== "function" && typeof value !== "symbol"
  if (ArrayBuffer.isView(value)) return true
  const parent: unknown = Object.getPrototypeOf(value)
  const isData = Array.isArray(value) || parent === Object.prototype || parent === null
  return isData && Object.values(value).every(isPlain)
}
