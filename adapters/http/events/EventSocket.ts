/**
 * Events over a WebSocket. Messages are JSON; each is acknowledged or refused by name. The client subscribes to a run, to a
 * pipeline or to all pipelines, and gets the same events as over `text/event-stream`.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type { EntryError } from "../../../core/access/Guard.ts"
import type { Operations } from "../../../core/operations/Operations.ts"
import type { FeedItem } from "../../../core/store/Feed.ts"
import { RunNotFound } from "../../../core/values/Errors.ts"
import { type Caller, expiryOf } from "../../../core/values/Principal.ts"
import { invalid, isObject } from "../server/Decoding.ts"
import { BadRequest, type Failure, toReply } from "../server/Failures.ts"
import type { Credentials } from "../server/HttpVisitor.ts"
import type { Socket, SocketListener } from "../server/Message.ts"
import { endIn, type Subscription } from "../server/Streams.ts"
import type { EventSelection } from "./EventRequests.ts"
import { batched, type EventTexts, logDefect, ofRun, STUCK_MILLIS, writer } from "./EventStream.ts"
import { typeOf } from "./EventWire.ts"
import { decodeAuth, decodeSubscription, subjectOf } from "./SocketMessages.ts"

/** The close codes. Those from 4000 on are Levada's own; for the others see RFC 6455, 7.4.1. */
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

/** How long a client may take to authenticate, in milliseconds. */
const AUTH_MILLIS = 10_000

/** How often a heartbeat is sent on a quiet connection, in milliseconds. */
const HEARTBEAT_MILLIS = 15_000

/** How many bytes may be buffered before sending waits, and how often the buffer is checked then, in milliseconds. */
const MAX_BUFFERED = 1 << 18
const CHECK_MILLIS = 20

/** The longest message from a client, in UTF-16 units; the most messages that may wait for an answer; the most subscriptions. */
const MAX_MESSAGE = 1 << 16
const MAX_WAITING = 100
const MAX_SUBSCRIPTIONS = 100

/** What a connection needs from its server. */
export interface SocketContext {
  readonly operations: Operations
  /** Authenticates the client by `credentials`, or by the request that opened the connection. */
  readonly enter: (credentials?: Credentials) => Effect.Effect<Caller, EntryError>
  /** Counts an authenticated connection. Returns a function to call when it is closed, or the refusal. */
  readonly open: () => (() => void) | BadRequest
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<Exit.Exit<A, E>>
  readonly nowMillis: () => number
  readonly streams: EventTexts
}

/** A subscription that can be stopped. */
interface OpenSubscription extends Subscription {
  readonly stop: () => void
}

/** The subject of a subscription. */
type Subject = { readonly pipeline_id: string } | { readonly task_id: string }

/** One WebSocket connection. */
export class EventSocket implements SocketListener {
  readonly #socket: Socket
  readonly #context: SocketContext
  #release: () => void
  readonly #subscriptions: Map<string, OpenSubscription> = new Map()
  readonly #waiting: Array<unknown> = []
  readonly #heartbeat: ReturnType<typeof setInterval>
  /** Closes the connection when the client does not authenticate in time, and when its credentials expire. */
  #expiry: ReturnType<typeof setTimeout> | undefined
  #caller: Caller | undefined
  #endsAtMillis = Number.POSITIVE_INFINITY
  #isWorking = false
  #isClosed = false
  #isQuiet = true

  /** `caller`: undefined until the client has authenticated. `release` is called when the connection is closed. */
  constructor(socket: Socket, context: SocketContext, caller: Caller | undefined, release: () => void) {
    this.#socket = socket
    this.#context = context
    this.#release = release
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MILLIS)
    if (caller === undefined) this.#endIn(AUTH_MILLIS, `Not authenticated within ${AUTH_MILLIS / 1_000} s`)
    else this.#setCaller(caller)
  }

  message(data: unknown): void {
    if (this.#isClosed) return
    if (typeof data !== "string") this.close(CLOSE.badMessage, "Only text messages are accepted")
    else if (data.length > MAX_MESSAGE)
      this.close(CLOSE.tooLong, `The message is longer than ${MAX_MESSAGE} characters`)
    else if (this.#waiting.length >= MAX_WAITING) this.close(CLOSE.misbehaving, "Too many unanswered messages")
    else {
      this.#waiting.push(data)
      if (!this.#isWorking) void this.#work()
    }
  }

  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#heartbeat)
    clearTimeout(this.#expiry)
    for (const { stop } of this.#subscriptions.values()) stop()
    this.#subscriptions.clear()
    this.#waiting.length = 0
    this.#release()
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return
    this.closed()
    this.#socket.close(code, reason)
  }

  /** Undefined until the client has authenticated. */
  get caller(): Caller | undefined {
    return this.#caller
  }

  get subscriptions(): Iterable<Subscription> {
    return this.#subscriptions.values()
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
    // A client that has not yet taken earlier messages needs no heartbeat.
    if (this.#isQuiet && this.#socket.buffered() === 0) this.#send({ type: "heartbeat", timestamp: this.#timestamp() })
    this.#isQuiet = true
  }

  #timestamp(): string {
    return new Date(this.#context.nowMillis()).toISOString()
  }

  /** Answers the waiting messages in order. */
  async #work(): Promise<void> {
    this.#isWorking = true
    for (let data = this.#waiting.shift(); data !== undefined; data = this.#waiting.shift()) {
      try {
        // A client that sends requests but does not read the answers must wait too.
        await this.#drained()
        await this.#answer(data as string)
      } catch (defect) {
        void this.#context.run(Effect.logError("A WebSocket message failed with an unexpected error", defect))
        this.close(CLOSE.defect, "Internal server error")
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
        new BadRequest(400, "InvalidMessageError", "A message must be a JSON object with a 'type'")
      )
    }
    const { type } = message
    if (type === "ping") return this.#send({ type: "pong" })
    if (type === "auth") return this.#authenticate(message)
    if (type !== "subscribe" && type !== "unsubscribe") {
      const expected = "Expected the message type 'auth', 'subscribe', 'unsubscribe' or 'ping'"
      return this.#refuse(undefined, new BadRequest(400, "InvalidMessageError", expected))
    }
    if (this.#caller === undefined) return this.close(CLOSE.unauthenticated, "Authenticate first")
    const read = decodeSubscription(message)
    if (Result.isFailure(read)) {
      const refusal = invalid("body", read.failure)
      if (type === "unsubscribe") return this.#refuse(undefined, refusal)
      // The guard checks the permission first, so the request is counted and audited like any other.
      const permit = this.#context.operations.permit(this.#caller, { permission: "read", ...subjectOf(message) })
      const exit = await this.#context.run(Effect.result(permit))
      if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
      return this.#refuse(undefined, Result.isFailure(exit.value) ? exit.value.failure : refusal)
    }
    const { pipeline_id: pipelineId, task_id: runId, types, after, values = true } = read.success
    if ((pipelineId === undefined) === (runId === undefined)) {
      const either = "Expected either 'pipeline_id' or 'task_id'"
      return this.#refuse(undefined, new BadRequest(400, "InvalidMessageError", either))
    }
    const subject = runId === undefined ? { pipeline_id: pipelineId! } : { task_id: runId }
    if (type === "unsubscribe") return this.#unsubscribe(subject)
    return this.#subscribe(this.#caller, subject, {
      after: after === undefined ? undefined : String(after),
      types: types && new Set(types),
      isBare: !values
    })
  }

  /** Sets the caller. Earlier subscriptions keep their caller, so the connection also closes when those credentials expire. */
  #setCaller(caller: Caller): void {
    const isSame = this.#caller?.principal.id === caller.principal.id
    const expiry = expiryOf(caller.principal)
    this.#caller = caller
    this.#endsAtMillis = isSame ? expiry : Math.min(this.#endsAtMillis, expiry)
    this.#endIn(this.#endsAtMillis - this.#context.nowMillis(), "The credentials have expired")
  }

  #endIn(millis: number, reason: string): void {
    clearTimeout(this.#expiry)
    this.#expiry = endIn(millis, () => this.close(CLOSE.unauthenticated, reason))
  }

  #refuse(subject: Subject | undefined, failure: Failure): void {
    const { body } = toReply(failure, this.#context.nowMillis())
    this.#send({ ...JSON.parse(body as string), type: "error", ...subject })
  }

  async #authenticate(message: Readonly<Record<string, unknown>>): Promise<void> {
    const read = decodeAuth(message)
    if (Result.isFailure(read)) return this.#refuse(undefined, invalid("body", read.failure))
    const { api_key: apiKey, token: bearer } = read.success
    if (this.#caller !== undefined && apiKey === undefined && bearer === undefined) {
      return this.#refuse(undefined, new BadRequest(400, "InvalidMessageError", "Expected an 'api_key' or a 'token'"))
    }
    const exit = await this.#context.run(this.#context.enter({ apiKey, bearer }))
    if (this.#isClosed) return
    if (Exit.isFailure(exit)) {
      if (Cause.hasDies(exit.cause)) throw Cause.squash(exit.cause)
      return this.close(...closeReason(exit))
    }
    if (this.#caller === undefined) {
      // The connection no longer counts as unauthenticated, but as an open stream.
      const release = this.#context.open()
      if (typeof release !== "function") return this.close(CLOSE.tryLater, release.message)
      this.#release()
      this.#release = release
    }
    this.#setCaller(exit.value)
    this.#send({ type: "authenticated", principal: exit.value.principal.id })
  }

  #unsubscribe(subject: Subject): void {
    const key = JSON.stringify(subject)
    const subscription = this.#subscriptions.get(key)
    if (subscription === undefined) {
      this.#refuse(subject, new BadRequest(404, "NotSubscribedError", "This subscription does not exist"))
      return
    }
    this.#subscriptions.delete(key)
    subscription.stop()
    this.#send({ type: "unsubscribed", ...subject })
  }

  async #subscribe(caller: Caller, subject: Subject, selection: EventSelection<string>): Promise<void> {
    const key = JSON.stringify(subject)
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS && !this.#subscriptions.has(key)) {
      const many = `Too many subscriptions; the limit is ${MAX_SUBSCRIPTIONS}. Unsubscribe from some, or open another connection`
      return this.#refuse(subject, new BadRequest(503, "TooManySubscriptionsError", many))
    }
    const exit = await this.#context.run(Effect.result(this.#items(caller, subject, selection)))
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
    if (Result.isFailure(exit.value)) return this.#refuse(subject, exit.value.failure)
    if (this.#isClosed) return
    // Replaces an earlier subscription to the same subject.
    this.#subscriptions.get(key)?.stop()
    this.#send({ type: "subscribed", ...subject })
    const { items, about } = exit.value.success
    const iterator = batched(items)
    let isOver = false
    const stop = (): void => {
      isOver = true
      void iterator.return?.()
    }
    this.#subscriptions.set(key, { ...about, stop })
    void this.#deliver(iterator, subject, selection, () => isOver).then(
      () => {
        if (isOver) return
        this.#subscriptions.delete(key)
        this.#send({ type: "ended", ...subject })
      },
      (error: unknown) => {
        if (isOver) return
        logDefect(this.#context, error)
        this.#subscriptions.delete(key)
        const message =
          "The subscription was interrupted; subscribe again with 'after' to continue behind the last event"
        const isGone = error instanceof RunNotFound
        this.#refuse(subject, isGone ? error : new BadRequest(503, "SubscriptionLostError", message))
      }
    )
  }

  #items(
    caller: Caller,
    subject: Subject,
    { after, isBare }: EventSelection<string>
  ): Effect.Effect<{ readonly items: Stream.Stream<FeedItem, unknown>; readonly about: Subscription }, Failure> {
    const { operations } = this.#context
    if ("task_id" in subject) {
      const runId = subject.task_id
      return Effect.map(operations.follow(caller, runId, Number(after ?? 0), isBare), ({ run, events }) => ({
        items: ofRun(events),
        about: { pipelineId: run.pipelineId, runId }
      }))
    }
    const { pipeline_id: pipelineId } = subject
    const items = operations.feed(caller, { pipelineId: pipelineId === "*" ? undefined : pipelineId, after, isBare })
    return Effect.map(items, (items) => ({ items, about: { pipelineId } }))
  }

  async #deliver(
    items: AsyncIterator<ReadonlyArray<FeedItem>>,
    subject: Subject,
    { types, isBare }: EventSelection<string>,
    isOver: () => boolean
  ): Promise<void> {
    const isFeed = "pipeline_id" in subject
    const textOf = writer(this.#context.streams, isBare)
    for (let next = await items.next(); !next.done && !isOver(); next = await items.next()) {
      for (const { cursor, event, isBehindGap } of next.value) {
        const isWanted = event !== undefined && (types === undefined || types.has(typeOf(event)))
        if (!isWanted && !isBehindGap) continue
        if (this.#isFull) await this.#drained()
        if (isOver()) return
        if (isBehindGap) this.#send({ type: "gap", ...subject, cursor })
        if (!isWanted) continue
        const text = textOf(event)
        // Events of a feed have a cursor; for events of one run, the sequence serves as cursor.
        this.#sendText(isFeed ? `${text.slice(0, -1)},"cursor":"${cursor}"}` : text)
      }
    }
  }

  get #isFull(): boolean {
    return this.#socket.buffered() > MAX_BUFFERED
  }

  /** Waits until the client has taken most of the buffered bytes. Closes the connection after 60 s. */
  async #drained(): Promise<void> {
    const sinceMillis = performance.now()
    while (!this.#isClosed && this.#isFull) {
      if (performance.now() - sinceMillis > STUCK_MILLIS)
        return this.close(CLOSE.misbehaving, "The client reads too slowly")
      await new Promise((resolve) => setTimeout(resolve, CHECK_MILLIS))
    }
  }
}

/** The close code and reason for a client that cannot be authenticated. */
export const closeReason = (exit: Exit.Failure<unknown, EntryError>): readonly [code: number, reason: string] => {
  const failure = Exit.findErrorOption(exit)
  if (failure._tag === "None") return [CLOSE.defect, "Internal server error"]
  switch (failure.value._tag) {
    case "Unauthenticated":
      return [CLOSE.unauthenticated, "Invalid credentials"]
    case "UnknownApiKey":
    case "HttpsRequired":
      return [CLOSE.forbidden, failure.value.message.slice(0, MAX_REASON)]
    default:
      return [CLOSE.tryLater, "Try again later"]
  }
}

/** The longest close reason, in bytes. Source: RFC 6455, 5.5. */
const MAX_REASON = 123
