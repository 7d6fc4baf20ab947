/**
 * Notifications from other processes: workers with new work, changed and ended runs, revoked claims. They have a connection
 * of their own. Some are lost when it breaks, so every listener also polls.
 */
import * as Effect from "effect/Effect"
import { KEY, NEWS } from "../lua/Codes.ts"
import type { Client } from "./Scripts.ts"

/** A message of the channel. */
interface Published {
  readonly [NEWS.workers]?: ReadonlyArray<string>
  readonly [NEWS.runs]?: ReadonlyArray<string>
  readonly [NEWS.ended]?: ReadonlyArray<string>
  readonly [NEWS.revoked]?: ReadonlyArray<readonly [worker: string, token: string]>
  readonly [NEWS.schedules]?: 1
  readonly [NEWS.tables]?: 1
}

/** How often definitions and ACLs are read without a notification, in milliseconds. */
const LOOK_MILLIS = 5_000

/** Listeners by key: the id of a worker or run, or an empty text. */
class Listeners<A> {
  readonly #listeners: Map<string, Set<(notice: A) => void>> = new Map()

  get size(): number {
    return this.#listeners.size
  }

  /** Adds a listener. Returns a function that removes it. */
  add(key: string, listener: (notice: A) => void): () => void {
    let listeners = this.#listeners.get(key)
    if (listeners === undefined) {
      listeners = new Set()
      this.#listeners.set(key, listeners)
    }
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key)
    }
  }

  notify(key: string, notice: A): void {
    const listeners = this.#listeners.get(key)
    if (listeners !== undefined) for (const listener of [...listeners]) listener(notice)
  }

  notifyAll(notice: A): void {
    for (const key of [...this.#listeners.keys()]) this.notify(key, notice)
  }
}

/** Follows changes of definitions or ACLs. */
export interface Look {
  /** To be called before each read. */
  readonly begin: () => void
  /** Waits until they may have changed since the last read. */
  readonly changed: Effect.Effect<void>
}

/** The notifications of one Store. */
export class Notifications {
  readonly workers: Listeners<void> = new Listeners()
  /** By run. A listener of the empty text hears of all runs. */
  readonly runs: Listeners<void> = new Listeners()
  readonly ended: Listeners<void> = new Listeners()
  readonly revoked: Listeners<string> = new Listeners()
  readonly schedules: Listeners<void> = new Listeners()
  readonly tables: Listeners<void> = new Listeners()
  readonly #subscriber: Client
  readonly #channel: string

  constructor(subscriber: Client, prefix: string) {
    this.#subscriber = subscriber
    this.#channel = `${prefix}${KEY.news}`
    subscriber.on("message", (_channel, message) => this.#receive(message))
  }

  /** Subscribes. */
  async open(): Promise<void> {
    await this.#subscriber.subscribe(this.#channel)
    // A connection that can't subscribe again is useless, so this makes a new one.
    this.#subscriber.on("ready", () => {
      this.#subscriber.subscribe(this.#channel).then(
        () => this.#notifyAll(),
        () => this.#subscriber.disconnect(true)
      )
    })
  }

  /** Notifications are lost while the connection is down, so all listeners look again. */
  #notifyAll(): void {
    this.workers.notifyAll()
    this.runs.notifyAll()
    this.ended.notifyAll()
    this.schedules.notifyAll()
    this.tables.notifyAll()
  }

  /** Finds out whether the connection is alive. */
  async ping(): Promise<void> {
    await this.#subscriber.ping()
  }

  /** Follows whether definitions or ACLs have changed since the last read. */
  look(): Look {
    let isNew = false
    this.tables.add("", () => {
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
          unsubscribe()
        }
        const wake = (): void => {
          end()
          resume(Effect.void)
        }
        const timer = setTimeout(wake, LOOK_MILLIS)
        const unsubscribe = this.tables.add("", wake)
        return Effect.sync(end)
      })
    }
  }

  /** Publishes that definitions or ACLs have changed. */
  async publishChanged(client: Client): Promise<void> {
    await client.publish(this.#channel, JSON.stringify({ [NEWS.tables]: 1 }))
  }

  #receive(message: string): void {
    const published = JSON.parse(message) as Published
    for (const worker of published[NEWS.workers] ?? []) this.workers.notify(worker)
    const changed = published[NEWS.runs]
    if (changed !== undefined && this.runs.size > 0) {
      for (const run of changed) this.runs.notify(run)
      this.runs.notify("")
    }
    if (this.ended.size > 0) for (const run of published[NEWS.ended] ?? []) this.ended.notify(run)
    for (const [worker, token] of published[NEWS.revoked] ?? []) this.revoked.notify(worker, token)
    if (published[NEWS.schedules] !== undefined) this.schedules.notifyAll()
    if (published[NEWS.tables] !== undefined) this.tables.notifyAll()
  }
}
