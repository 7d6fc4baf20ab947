/** Renews leases while a task blocks the thread of its worker: from another thread, over a connection of its own. */
import type { Claim } from "../../../core/store/Work.ts"
import * as Connection from "../connection/Connection.ts"
import { SCRIPTS } from "../lua/LuaCommands.ts"
import {
  LENGTHS_AT,
  LOOKS,
  MAX_TEXT,
  PROGRAM,
  SHARED_BYTES,
  SLOTS,
  type Start,
  TEXTS_AT
} from "./LeaseRenewalProgram.ts"
import { unitOf } from "./WorkCode.ts"

/** The part of `Worker` from `node:worker_threads` that is used here. */
interface Thread {
  readonly on: (event: "message" | "error", listener: (data: unknown) => void) => unknown
  readonly terminate: () => unknown
  readonly unref: () => void
}

interface WorkerThreads {
  readonly Worker: new (code: string, options: { readonly eval: true; readonly workerData: Start }) => Thread
}

/** Where Redis is, and how long leases are renewed. */
export interface LeaseRenewalOptions {
  readonly connection: Connection.Options
  readonly prefix: string
  readonly leaseMillis: number
  readonly blockedMillis: number
  /** Called with the reason when the thread can't start or fails. */
  readonly failed: (reason: string) => void
}

/**
 * Shares the claims of this process with a thread, which renews their leases when the heartbeat of this thread stops for a
 * third of a lease. The thread starts with the first claim. If it can't start, only workers renew leases.
 */
export class LeaseRenewal {
  readonly #options: LeaseRenewalOptions
  readonly #shared = new SharedArrayBuffer(SHARED_BYTES)
  readonly #beat = new Int32Array(this.#shared, 0, 1)
  readonly #lengths = new Int32Array(this.#shared, LENGTHS_AT, SLOTS)
  readonly #texts = new Uint8Array(this.#shared, TEXTS_AT)
  /** The slots of claims in the shared memory, by token. */
  readonly #slots: Map<string, number> = new Map()
  readonly #free: Array<number> = []
  /** How many slots were ever used. */
  #used = 0
  #state: "new" | "open" | "closed" = "new"
  #thread: Thread | undefined = undefined
  #timer: ReturnType<typeof setInterval> | undefined = undefined

  constructor(options: LeaseRenewalOptions) {
    this.#options = options
  }

  add(claim: Claim): void {
    if (this.#state === "new") this.#start()
    if (this.#thread === undefined) return
    const text = `${unitOf(claim)} ${claim.token}`
    const slot = this.#free.pop() ?? (this.#used < SLOTS ? this.#used++ : undefined)
    // Without a slot, only its worker renews the lease.
    if (slot === undefined) return
    this.#slots.set(claim.token, slot)
    if (text.length > MAX_TEXT) return
    const from = slot * MAX_TEXT
    for (let at = 0; at < text.length; at++) this.#texts[from + at] = text.charCodeAt(at)
    Atomics.store(this.#lengths, slot, text.length)
  }

  remove({ token }: Claim): void {
    const slot = this.#slots.get(token)
    if (slot === undefined) return
    this.#slots.delete(token)
    Atomics.store(this.#lengths, slot, 0)
    this.#free.push(slot)
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
      if (!isPlain(options))
        throw new Error("`redis` has functions or instances, which can't be sent to another thread")
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

/** Whether a value can be sent to another thread unchanged. */
const isPlain = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return typeof value !== "function" && typeof value !== "symbol"
  if (ArrayBuffer.isView(value)) return true
  const parent: unknown = Object.getPrototypeOf(value)
  const isData = Array.isArray(value) || parent === Object.prototype || parent === null
  return isData && Object.values(value).every(isPlain)
}
