/**
 * Events over a WebSocket: messages of JSON, each of which is acknowledged or refused by name. Whoever is on the other end
 * subscribes to a run, to a pipeline or to all, and gets the same events as by `text/event-stream`.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type { EntryError } from "../../../core/access/Guard.ts"
import type { Operations } from "../../../core/operations/Operations.ts"
import type { Event } from "../../../core/run/Event.ts"
import type { FeedItem } from "../../../core/store/Feed.ts"
import { RunNotFound } from "../../../core/values/Errors.ts"
import { type Caller, expiryOf } from "../../../core/values/Principal.ts"
import { invalid, isObject } from "../server/Decoding.ts"
import { BadRequest, type Failure, toReply } from "../server/Failures.ts"
import type { Credentials } from "../server/HttpVisitor.ts"
import type { Socket, SocketListener } from "../server/Message.ts"
import { endIn } from "../server/Streams.ts"
import type { TextCache } from "../server/TextCache.ts"
import { ofRun, STUCK_MILLIS, together } from "./EventStream.ts"
import { type EventType, eventText, typeOf } from "./EventWire.ts"
import { decodeAuth, decodeSubscription, subjectOf } from "./SocketMessages.ts"

/** Why a connection is closed. Those from 4000 on are ours; for the others see RFC 6455, 7.4.1. */
export const CLOSE = {
  goingAway: 1001,
  badMessage: 1003,
  misbehaving: 1008,
  tooLong: 1009,
  defect: 1011,
  tryLater: 1013,
  unauthenticated: 4401,
  forbidden: 4403
} as const

/** How long somebody may take to say who they are, in milliseconds. */
const AUTH_MILLIS = 10_000

/** How often a quiet connection shows that it is alive, in milliseconds. */
const HEARTBEAT_MILLIS = 15_000

/** How much may be on its way to the other end before it is waited for, in bytes, and how often it is looked, in milliseconds. */
const MAX_BUFFERED = 1 << 18
const LOOK_MILLIS = 20

/** The longest message, in UTF-16 units; how many may wait to be answered; and how many subscriptions there may be. */
const MAX_MESSAGE = 1 << 16
const MAX_WAITING = 100
const MAX_SUBSCRIPTIONS = 100

/** What a connection works with. */
export interface Wiring {
  readonly operations: Operations
  /** Finds out who that is, by what they show or by the request that the connection began with. */
  readonly enter: (shown?: Credentials) => Effect.Effect<Caller, EntryError>
  /** Takes a place for a connection that is known; gives what frees it, or the refusal. */
  readonly open: () => (() => void) | BadRequest
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<Exit.Exit<A, E>>
  readonly nowMillis: () => number
  readonly streams: { readonly texts: TextCache<Event> }
}

/** What is subscribed to. */
type Subject = { readonly pipeline_id: string } | { readonly task_id: string }

/** One connection. */
export class EventSocket implements SocketListener {
  readonly #socket: Socket
  readonly #wiring: Wiring
  #freed: () => void
  readonly #subscriptions: Map<string, () => void> = new Map()
  readonly #waiting: Array<unknown> = []
  readonly #heartbeat: ReturnType<typeof setInterval>
  /** Ends it when nobody says who they are, or when that is no longer so. */
  #late: ReturnType<typeof setTimeout> | undefined
  #caller: Caller | undefined
  #endsAtMillis = Number.POSITIVE_INFINITY
  #isWorking = false
  #isClosed = false
  #isQuiet = true

  /** `caller`: who that is, when it is known already. `freed` is called once the connection is over. */
  constructor(socket: Socket, wiring: Wiring, caller: Caller | undefined, freed: () => void) {
    this.#socket = socket
    this.#wiring = wiring
    this.#freed = freed
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MILLIS)
    if (caller === undefined) this.#endIn(AUTH_MILLIS, "Nobody said who they are")
    else this.#know(caller)
  }

  message(data: unknown): void {
    if (this.#isClosed) return
    if (typeof data !== "string") this.close(CLOSE.badMessage, "Messages are text")
    else if (data.length > MAX_MESSAGE) this.close(CLOSE.tooLong, `Messages have at most ${MAX_MESSAGE} characters`)
    else if (this.#waiting.length >= MAX_WAITING) this.close(CLOSE.misbehaving, "Too many messages at once")
    else {
      this.#waiting.push(data)
      if (!this.#isWorking) void this.#work()
    }
  }

  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#heartbeat)
    clearTimeout(this.#late)
    for (const stop of this.#subscriptions.values()) stop()
    this.#subscriptions.clear()
    this.#waiting.length = 0
    this.#freed()
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return
    this.closed()
    this.#socket.close(code, reason)
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  #send(message: object): void {
    this.#sendText(JSON.stringify(message))
  }

  #sendText(text: string): void {
    if (this.#isClosed) return
    this.#isQuiet = false
    this.#socket.send(text)
  }

  #beat(): void {
    // Whoever takes nothing needs no sign of life.
    if (this.#isQuiet && this.#socket.buffered() === 0) this.#send({ type: "heartbeat", timestamp: this.#timestamp() })
    this.#isQuiet = true
  }

  #timestamp(): string {
    return new Date(this.#wiring.nowMillis()).toISOString()
  }

  /** Answers what waits, one message after the other. */
  async #work(): Promise<void> {
    this.#isWorking = true
    for (let data = this.#waiting.shift(); data !== undefined; data = this.#waiting.shift()) {
      try {
        // Answers count as well: somebody who asks and does not read is waited for.
        await this.#room()
        await this.#answer(data as string)
      } catch {
        this.close(CLOSE.defect, "Something went wrong on our side")
      }
    }
    this.#isWorking = false
  }

  async #answer(text: string): Promise<void> {
    let message: unknown
    try {
      message = JSON.parse(text)
    } catch {
      message = undefined
    }
    if (!isObject(message)) {
      return this.#refuse(
        undefined,
        new BadRequest(400, "InvalidMessageError", "A message is a JSON object with a type")
      )
    }
    const { type } = message
    if (type === "ping") return this.#send({ type: "pong" })
    if (type === "auth") return this.#authenticate(message)
    if (type !== "subscribe" && type !== "unsubscribe") {
      const known = "auth, subscribe, unsubscribe or ping"
      return this.#refuse(undefined, new BadRequest(400, "InvalidMessageError", `The type of a message is ${known}`))
    }
    if (this.#caller === undefined) return this.close(CLOSE.unauthenticated, "Say first who you are")
    const read = decodeSubscription(message)
    if (Result.isFailure(read)) {
      const refusal = invalid("body", read.failure)
      if (type === "unsubscribe") return this.#refuse(undefined, refusal)
      // First, as always, the guard is asked.
      const permit = this.#wiring.operations.permit(this.#caller, { permission: "read", ...subjectOf(message) })
      const exit = await this.#wiring.run(Effect.result(permit))
      if (Exit.isFailure(exit)) throw new Error("A permit ended in a defect", { cause: exit.cause })
      return this.#refuse(undefined, Result.isFailure(exit.value) ? exit.value.failure : refusal)
    }
    const { pipeline_id: pipelineId, task_id: runId, types, after } = read.success
    if ((pipelineId === undefined) === (runId === undefined)) {
      const one = "Say either pipeline_id or task_id"
      return this.#refuse(undefined, new BadRequest(400, "InvalidMessageError", one))
    }
    const subject = runId === undefined ? { pipeline_id: pipelineId! } : { task_id: runId }
    if (type === "unsubscribe") return this.#unsubscribe(subject)
    return this.#subscribe(
      this.#caller,
      subject,
      after === undefined ? undefined : String(after),
      types && new Set(types)
    )
  }

  /** What was subscribed to before stays with who subscribed to it, and ends when they are no longer known. */
  #know(caller: Caller): void {
    const isSame = this.#caller?.principal.id === caller.principal.id
    const expiry = expiryOf(caller.principal)
    this.#caller = caller
    this.#endsAtMillis = isSame ? expiry : Math.min(this.#endsAtMillis, expiry)
    this.#endIn(this.#endsAtMillis - this.#wiring.nowMillis(), "The credentials have expired")
  }

  #endIn(millis: number, reason: string): void {
    clearTimeout(this.#late)
    this.#late = endIn(millis, () => this.close(CLOSE.unauthenticated, reason))
  }

  #refuse(subject: Subject | undefined, failure: Failure): void {
    const { body } = toReply(failure, this.#wiring.nowMillis())
    this.#send({ ...JSON.parse(body as string), type: "error", ...subject })
  }

  async #authenticate(message: Readonly<Record<string, unknown>>): Promise<void> {
    const read = decodeAuth(message)
    if (Result.isFailure(read)) return this.#refuse(undefined, invalid("body", read.failure))
    const { api_key: apiKey, token: bearer } = read.success
    if (this.#caller !== undefined && apiKey === undefined && bearer === undefined) {
      return this.#refuse(undefined, new BadRequest(400, "InvalidMessageError", "Show an api_key or a token"))
    }
    const exit = await this.#wiring.run(this.#wiring.enter({ apiKey, bearer }))
    if (this.#isClosed) return
    if (Exit.isFailure(exit)) return this.close(...closing(exit))
    if (this.#caller === undefined) {
      // It leaves the places of connections without credentials, and takes one of the others.
      const freed = this.#wiring.open()
      if (typeof freed !== "function") return this.close(CLOSE.tryLater, freed.message)
      this.#freed()
      this.#freed = freed
    }
    this.#know(exit.value)
    this.#send({ type: "authenticated", principal: exit.value.principal.id })
  }

  #unsubscribe(subject: Subject): void {
    const key = JSON.stringify(subject)
    const stop = this.#subscriptions.get(key)
    if (stop === undefined) {
      this.#refuse(subject, new BadRequest(404, "NotSubscribedError", "There is no such subscription"))
      return
    }
    this.#subscriptions.delete(key)
    stop()
    this.#send({ type: "unsubscribed", ...subject })
  }

  async #subscribe(
    caller: Caller,
    subject: Subject,
    after: string | undefined,
    types: ReadonlySet<EventType> | undefined
  ): Promise<void> {
    const key = JSON.stringify(subject)
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS && !this.#subscriptions.has(key)) {
      const many = `There are ${MAX_SUBSCRIPTIONS} subscriptions already; end some, or connect again`
      return this.#refuse(subject, new BadRequest(503, "TooManySubscriptionsError", many))
    }
    const exit = await this.#wiring.run(Effect.result(this.#items(caller, subject, after)))
    if (Exit.isFailure(exit)) throw new Error("A subscription ended in a defect", { cause: exit.cause })
    if (Result.isFailure(exit.value)) return this.#refuse(subject, exit.value.failure)
    if (this.#isClosed) return
    // One that was there before gives way.
    this.#subscriptions.get(key)?.()
    this.#send({ type: "subscribed", ...subject })
    const iterator = together(exit.value.success)
    let isOver = false
    const stop = (): void => {
      isOver = true
      void iterator.return?.()
    }
    this.#subscriptions.set(key, stop)
    void this.#deliver(iterator, subject, types, () => isOver).then(
      () => {
        if (isOver) return
        this.#subscriptions.delete(key)
        this.#send({ type: "ended", ...subject })
      },
      (error: unknown) => {
        if (isOver) return
        this.#subscriptions.delete(key)
        const message = "The events can't be read on; subscribe again behind the last one"
        const isGone = error instanceof RunNotFound
        this.#refuse(subject, isGone ? error : new BadRequest(503, "SubscriptionLostError", message))
      }
    )
  }

  #items(
    caller: Caller,
    subject: Subject,
    after: string | undefined
  ): Effect.Effect<Stream.Stream<FeedItem, unknown>, Failure> {
    const { operations } = this.#wiring
    if ("task_id" in subject) {
      return Effect.map(operations.follow(caller, subject.task_id, Number(after ?? 0)), ({ events }) => ofRun(events))
    }
    return operations.feed(caller, { pipelineId: subject.pipeline_id === "*" ? undefined : subject.pipeline_id, after })
  }

  async #deliver(
    items: AsyncIterator<ReadonlyArray<FeedItem>>,
    subject: Subject,
    types: ReadonlySet<EventType> | undefined,
    isOver: () => boolean
  ): Promise<void> {
    const isFeed = "pipeline_id" in subject
    const { texts } = this.#wiring.streams
    for (let next = await items.next(); !next.done && !isOver(); next = await items.next()) {
      for (const { cursor, event, isBehindGap } of next.value) {
        const isWanted = event !== undefined && (types === undefined || types.has(typeOf(event)))
        if (!isWanted && !isBehindGap) continue
        if (this.#isFull) await this.#room()
        if (isOver()) return
        if (isBehindGap) this.#send({ type: "gap", ...subject, cursor })
        if (!isWanted) continue
        const text = texts.of(event, eventText)
        // Where it goes on: of a run's own events, the sequence says that.
        this.#sendText(isFeed ? `${text.slice(0, -1)},"cursor":"${cursor}"}` : text)
      }
    }
  }

  get #isFull(): boolean {
    return this.#socket.buffered() > MAX_BUFFERED
  }

  /** Waits until the other end has taken most of what was sent. One that takes nothing is given up. */
  async #room(): Promise<void> {
    const sinceMillis = performance.now()
    while (!this.#isClosed && this.#isFull) {
      if (performance.now() - sinceMillis > STUCK_MILLIS)
        return this.close(CLOSE.misbehaving, "The client reads too slowly")
      await new Promise((resolve) => setTimeout(resolve, LOOK_MILLIS))
    }
  }
}

/** With which code a connection is closed whose other end is not let in, and why. */
export const closing = (exit: Exit.Failure<unknown, EntryError>): readonly [code: number, reason: string] => {
  const failure = Exit.findErrorOption(exit)
  if (failure._tag === "None") return [CLOSE.defect, "Something went wrong on our side"]
  switch (failure.value._tag) {
    case "Unauthenticated":
      return [CLOSE.unauthenticated, "That proves nothing"]
    case "UnknownApiKey":
    case "HttpsRequired":
      return [CLOSE.forbidden, failure.value.message.slice(0, MAX_REASON)]
    default:
      return [CLOSE.tryLater, "Try again later"]
  }
}

/** The longest reason, in bytes: RFC 6455, 5.5. */
const MAX_REASON = 123
