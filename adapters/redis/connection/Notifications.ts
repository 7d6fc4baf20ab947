/**
 * What other processes have done: which workers have new work, which runs have changed, which claims were taken back. On
 * a connection of its own. News may be lost with the connection, so nobody waits for them without looking now and then.
 */
import * as Effect from "effect/Effect"
import type { Client } from "./Scripts.ts"

/** What was published. */
interface Published {
  /** Workers for whom there is work. */
  readonly w?: ReadonlyArray<string>
  /** Runs that have changed, and runs that have ended. */
  readonly r?: ReadonlyArray<string>
  readonly e?: ReadonlyArray<string>
  /** Claims that were taken from a worker: worker and token. */
  readonly x?: ReadonlyArray<readonly [worker: string, token: string]>
  /** Whether there are other schedules, and other definitions or ACLs. */
  readonly s?: 1
  readonly d?: 1
}

/** How long at most between two looks for what others have set, in milliseconds: news may be lost. */
const LOOK_MILLIS = 5_000

/** Listeners by what they listen for. */
class Listeners<A> {
  readonly #by: Map<string, Set<(news: A) => void>> = new Map()

  get size(): number {
    return this.#by.size
  }

  /** Listens until the function that it gives is called. */
  add(key: string, listener: (news: A) => void): () => void {
    let listeners = this.#by.get(key)
    if (listeners === undefined) {
      listeners = new Set()
      this.#by.set(key, listeners)
    }
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#by.get(key) === listeners) this.#by.delete(key)
    }
  }

  tell(key: string, news: A): void {
    const listeners = this.#by.get(key)
    if (listeners !== undefined) for (const listener of [...listeners]) listener(news)
  }

  tellAll(news: A): void {
    for (const key of [...this.#by.keys()]) this.tell(key, news)
  }
}

/** Reads definitions or ACLs again and again. */
export interface Look {
  /** They are read now. */
  readonly begin: () => void
  /** Waits until they may have changed since they were last read. */
  readonly changed: Effect.Effect<void>
}

/** The news of one Store. */
export class Notifications {
  readonly workers: Listeners<void> = new Listeners()
  /** By run; an empty text is for any. */
  readonly runs: Listeners<void> = new Listeners()
  readonly ended: Listeners<void> = new Listeners()
  readonly revoked: Listeners<string> = new Listeners()
  readonly schedules: Listeners<void> = new Listeners()
  readonly definitions: Listeners<void> = new Listeners()
  readonly #subscriber: Client
  readonly #channel: string

  constructor(subscriber: Client, prefix: string) {
    this.#subscriber = subscriber
    this.#channel = `${prefix}news`
    subscriber.on("message", (_channel, message) => this.#hear(message))
  }

  /** Begins to listen. */
  async open(): Promise<void> {
    await this.#subscriber.subscribe(this.#channel)
    // A connection that can't subscribe anew hears nothing, so another one is made.
    this.#subscriber.on("ready", () => {
      this.#subscriber.subscribe(this.#channel).then(
        () => this.#tellAll(),
        () => this.#subscriber.disconnect(true)
      )
    })
  }

  /** News that came while the connection was cut are lost: all listeners look again. */
  #tellAll(): void {
    this.workers.tellAll()
    this.runs.tellAll()
    this.ended.tellAll()
    this.schedules.tellAll()
    this.definitions.tellAll()
  }

  /** Makes sure that the connection is alive. */
  async ping(): Promise<void> {
    await this.#subscriber.ping()
  }

  /** Follows whether definitions or ACLs have changed since they were last read. */
  look(): Look {
    let isNew = false
    this.definitions.add("", () => {
      isNew = true
    })
    return {
      begin: () => {
        isNew = false
      },
      changed: Effect.callback<void>((resume) => {
        if (isNew) return resume(Effect.void)
        const end = (): void => {
          clearTimeout(timer)
          deaf()
        }
        const wake = (): void => {
          end()
          resume(Effect.void)
        }
        const timer = setTimeout(wake, LOOK_MILLIS)
        const deaf = this.definitions.add("", wake)
        return Effect.sync(end)
      })
    }
  }

  /** Says that definitions or ACLs have changed. */
  async tellChanged(client: Client): Promise<void> {
    await client.publish(this.#channel, '{"d":1}')
  }

  #hear(message: string): void {
    const { w, r, e, x, s, d } = JSON.parse(message) as Published
    if (w !== undefined) for (const worker of w) this.workers.tell(worker)
    if (r !== undefined && this.runs.size > 0) {
      for (const run of r) this.runs.tell(run)
      this.runs.tell("")
    }
    if (e !== undefined && this.ended.size > 0) for (const run of e) this.ended.tell(run)
    if (x !== undefined) for (const [worker, token] of x) this.revoked.tell(worker, token)
    if (s !== undefined) this.schedules.tellAll()
    if (d !== undefined) this.definitions.tellAll()
  }
}
