/**
 * Readers that do not read, are silent or send too much, with fake timers: the timeouts are too long for tests of real
 * servers.
 */

import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { EventSocket } from "../../adapters/http/events/EventSocket.ts"
import { EventStream } from "../../adapters/http/events/EventStream.ts"
import { TextCache } from "../../adapters/http/server/TextCache.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import type { Operations } from "../../core/operations/Operations.ts"
import type { Event } from "../../core/run/Event.ts"
import type { FeedItem } from "../../core/store/Feed.ts"
import { Unauthenticated } from "../../core/values/AccessErrors.ts"
import { RunNotFound, StoreUnavailable } from "../../core/values/Errors.ts"
import { type Caller, host } from "../../core/values/Principal.ts"
import { guide } from "../fixtures/pipelines.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Every event, with its values. */
const ALL = { types: undefined, isBare: false }

/** An endless stream of events; counts the events that were pulled. */
const endless = () => {
  let asked = 0
  const items = Stream.fromEffectRepeat(
    Effect.sync((): FeedItem => {
      const sequence = ++asked
      return {
        cursor: `1-1.${sequence}`,
        event: { type: "RunStarted", runId: "r", pipelineId: "p", sequence, atMillis: 0, requestId: "x".repeat(100) },
        isBehindGap: false
      }
    })
  ).pipe(Stream.tap(() => Effect.sleep(1)))
  return { items, asked: () => asked }
}

const logged: Array<unknown> = []
const logger = Logger.layer([Logger.make(({ message }) => void logged.push(message))])
const run = <A, E>(effect: Effect.Effect<A, E>): Promise<Exit.Exit<A, E>> =>
  Effect.runPromiseExit(Effect.provide(effect, logger))
const serving = {
  streams: { texts: new TextCache<Event>(), bareTexts: new TextCache<Event>() },
  nowMillis: () => 0,
  run
}

const EVERYTHING = { types: undefined, isBare: false }

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

describe("a stream of events", () => {
  it("that is not read buffers almost nothing, and is closed after a minute", async () => {
    const { items, asked } = endless()
    const freed = vi.fn()
    const bytes = new EventStream(items, EVERYTHING, serving).open(freed)
    await vi.advanceTimersByTimeAsync(59_000)
    expect(asked()).toBeLessThan(10)
    expect(freed).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(2_000)
    expect(freed).toHaveBeenCalledTimes(1)
    expect(asked()).toBeLessThan(10)
    const reader = bytes.getReader()
    await expect(
      (async () => {
        for (let next = await reader.read(); !next.done; ) next = await reader.read()
      })()
    ).rejects.toThrow("The client reads too slowly")
  })

  it("knows how many bytes its reader has not taken", async () => {
    const item: FeedItem = { cursor: "7-7.7", event: undefined, isBehindGap: true }
    const stream = new EventStream(Stream.concat(Stream.succeed(item), Stream.never), ALL, serving)
    const reader = stream.open(() => undefined).getReader()
    await reader.read()
    expect(stream.bufferedBytes).toBe(0)
    await vi.advanceTimersByTimeAsync(100)
    const { value } = await reader.read()
    expect(text(value)).toBe("event: gap\nid: 7-7.7\ndata: {}\n\n")
    expect(stream.bufferedBytes).toBe(0)
    await reader.cancel()
    const { items } = endless()
    const unread = new EventStream(items, ALL, serving)
    const bytes = unread.open(() => undefined)
    await vi.advanceTimersByTimeAsync(1_000)
    const first = bytes.getReader()
    expect(unread.bufferedBytes).toBe((await first.read()).value!.length)
    await vi.advanceTimersByTimeAsync(1_000)
    const waiting = unread.bufferedBytes
    expect(waiting).toBeGreaterThan(100)
    expect((await first.read()).value!.length).toBe(waiting)
    await first.cancel()
  })

  it.each([
    [Effect.fail(new RunNotFound("r")), { error: "RunNotFoundError", task_id: "r" }],
    [Effect.fail(new StoreUnavailable("Redis: the server can't be reached")), { error: "StoreUnavailableError" }],
    [Effect.die(new Error("hunter2")), { error: "InternalError", message: "Internal server error" }]
  ] as const)("that fails reports the reason, and ends properly: %o", async (why, said) => {
    const item: FeedItem = { cursor: "7-7.7", event: undefined, isBehindGap: true }
    const items = Stream.concat(Stream.succeed(item), Stream.fromEffect(why as Effect.Effect<never, unknown>))
    const freed = vi.fn()
    const reading = new Response(new EventStream(items, EVERYTHING, serving).open(freed)).text()
    await vi.advanceTimersByTimeAsync(100)
    const [, gap, failure, end] = (await reading).split("\n\n")
    expect([gap, end]).toEqual(["event: gap\nid: 7-7.7\ndata: {}", ""])
    const [, data] = /^event: failure\ndata: (.*)$/.exec(failure!)!
    expect(JSON.parse(data!)).toMatchObject(said)
    const isDefect = said.error === "InternalError"
    expect(logged.splice(0)).toEqual(
      isDefect ? [["A stream of events failed with an unexpected error", new Error("hunter2")]] : []
    )
    expect(freed).toHaveBeenCalledTimes(1)
  })

  it("that is quiet sends a sign of life every 15 s, with its cursor if events were filtered out", async () => {
    const item: FeedItem = { cursor: "7-7.7", event: undefined, isBehindGap: false }
    const items = Stream.concat(Stream.succeed(item), Stream.never)
    const reader = new EventStream(items, EVERYTHING, serving).open(() => undefined).getReader()
    expect(text((await reader.read()).value)).toBe("retry: 1000\n\n")
    const first = reader.read()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(text((await first).value)).toBe("id: 7-7.7\n\n")
    const second = reader.read()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(text((await second).value)).toBe(": alive\n\n")
    await reader.cancel()
    expect(vi.getTimerCount()).toBe(0)
  })

  it("beyond the limit is refused, until one ends", async () => {
    vi.useRealTimers()
    const levada = Levada.make({ pipelines: [guide], access: Access.open, maxStreams: 2 })
    const open = () => levada.fetch(new Request("http://localhost/events"))
    const [one, two] = [await open(), await open()]
    const refused = await open()
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"])
    expect(await refused.json()).toMatchObject({ error: "TooManyStreamsError" })
    await one.body!.cancel()
    const three = await open()
    expect(three.status).toBe(200)
    await levada.close()
    // The remaining streams end.
    for (const { body } of [two, three]) for await (const _ of body!);
  })
})

describe("a WebSocket", () => {
  const nobody = (): Effect.Effect<Caller, Unauthenticated> =>
    Effect.fail(new Unauthenticated("Nothing was shown", false))

  /** The server's end of a WebSocket, held by a test. */
  const socket = (caller: Caller | undefined, operations: Partial<Operations> = {}, enter = nobody) => {
    const sent: Array<string> = []
    const closed = vi.fn()
    let buffered = 0
    const freed = vi.fn()
    const made = new EventSocket(
      {
        send: (message) => {
          sent.push(message)
          buffered += message.length
        },
        buffered: () => buffered,
        close: closed
      },
      {
        operations: operations as Operations,
        enter,
        open: () => () => undefined,
        run,
        nowMillis: () => 0,
        streams: { texts: new TextCache<Event>(), bareTexts: new TextCache<Event>() }
      },
      caller,
      freed
    )
    const take = (): void => {
      buffered = 0
    }
    return { made, sent, closed, freed, take }
  }

  it("that is not read buffers little, and is closed after a minute", async () => {
    const { items, asked } = endless()
    const { made, closed, freed } = socket(host, { feed: () => Effect.succeed(items) })
    made.message('{"type":"subscribe","pipeline_id":"*"}')
    await vi.advanceTimersByTimeAsync(30_000)
    const before = asked()
    expect(before * 300).toBeLessThan(1_000_000)
    expect(closed).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(closed).toHaveBeenCalledWith(1008, "The client reads too slowly")
    expect(freed).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked()).toBeLessThanOrEqual(before + 1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it("is closed if it does not authenticate within 10 s", async () => {
    const { closed } = socket(undefined)
    await vi.advanceTimersByTimeAsync(9_999)
    expect(closed).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(closed).toHaveBeenCalledWith(4401, "Not authenticated within 10 s")
  })

  it("that closes during authentication leaves nothing behind", async () => {
    const principal = { id: "ada", roles: [], expiresAtMillis: 60_000 }
    const { made, sent } = socket(undefined, {}, () => Effect.delay(Effect.succeed({ ...host, principal }), 100))
    made.message('{"type":"auth","api_key":"a key"}')
    await vi.advanceTimersByTimeAsync(50)
    made.closed()
    await vi.advanceTimersByTimeAsync(100)
    expect(sent).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("sends a sign of life every 15 s, unless it has sent something else", async () => {
    const { made, sent, take } = socket(host)
    await vi.advanceTimersByTimeAsync(15_000)
    expect(sent.map((message) => JSON.parse(message).type)).toEqual(["heartbeat"])
    take()
    made.message('{"type":"ping"}')
    await vi.advanceTimersByTimeAsync(15_000)
    expect(sent.map((message) => JSON.parse(message).type)).toEqual(["heartbeat", "pong"])
    made.closed()
    expect(vi.getTimerCount()).toBe(0)
  })

  it("is closed if it sends more messages than are answered; endless pings wait until their answers are read", async () => {
    const slow = socket(host, { feed: () => Effect.never })
    for (let count = 0; count < 110; count++) slow.made.message('{"type":"subscribe","pipeline_id":"*"}')
    expect(slow.closed).toHaveBeenCalledWith(1008, "Too many unanswered messages")
    const { made, sent } = socket(host)
    for (let count = 0; count < 100_000; count++) {
      made.message('{"type":"ping"}')
      await Promise.resolve()
    }
    await vi.advanceTimersByTimeAsync(0)
    expect(sent.length * 15).toBeLessThan(400_000)
  })

  it.each([
    [Effect.fail(new RunNotFound("r")), "RunNotFoundError"],
    [Effect.fail(new StoreUnavailable("no")), "SubscriptionLostError"]
  ] as const)("tells a subscriber that its events end with a failure: %o", async (why, error) => {
    const events = Stream.fromEffect(why as Effect.Effect<never, RunNotFound | StoreUnavailable>)
    const { made, sent } = socket(host, { follow: () => Effect.succeed({ run: {} as never, events }) })
    made.message('{"type":"subscribe","task_id":"r"}')
    await vi.advanceTimersByTimeAsync(100)
    const said = sent.map((message) => JSON.parse(message))
    expect(said).toMatchObject([
      { type: "subscribed", task_id: "r" },
      { type: "error", error, task_id: "r" }
    ])
    made.closed()
  })

  const UNEXPECTED = "A WebSocket message failed with an unexpected error"
  it.each([
    [
      "a subscription",
      '{"type":"subscribe","task_id":"r"}',
      { follow: () => Effect.die(new TypeError("bad")) },
      UNEXPECTED
    ],
    [
      "a permission check",
      '{"type":"subscribe","types":1}',
      { permit: () => Effect.die(new TypeError("bad")) },
      UNEXPECTED
    ],
    [
      "a stream of events",
      '{"type":"subscribe","pipeline_id":"*"}',
      { feed: () => Effect.succeed(Stream.die(new TypeError("bad"))) },
      "A stream of events failed with an unexpected error"
    ]
  ] as const)(
    "logs an unexpected error of %s, and does not tell it to the client",
    async (_, message, operations, text) => {
      logged.length = 0
      const { made, sent, closed } = socket(host, operations as Partial<Operations>)
      made.message(message)
      await vi.advanceTimersByTimeAsync(100)
      expect(logged).toEqual([[text, new TypeError("bad")]])
      expect(`${sent} ${JSON.stringify(closed.mock.calls)}`).not.toContain("bad")
      if (text === UNEXPECTED) expect(closed).toHaveBeenCalledWith(1011, "Internal server error")
      made.closed()
    }
  )

  it("logs an unexpected error of an authentication, without the credentials", async () => {
    logged.length = 0
    const { made, closed } = socket(undefined, {}, () => Effect.die(new TypeError("bad")))
    made.message('{"type":"auth","api_key":"marked-secret"}')
    await vi.advanceTimersByTimeAsync(0)
    expect(closed).toHaveBeenCalledWith(1011, "Internal server error")
    expect(logged).toEqual([[UNEXPECTED, new TypeError("bad")]])
    expect(String(logged)).not.toContain("marked-secret")
  })

  it("accepts at most 100 subscriptions", async () => {
    const { made, sent, take } = socket(host, { feed: () => Effect.succeed(Stream.never) })
    for (let count = 0; count < 101; count++) {
      made.message(JSON.stringify({ type: "subscribe", pipeline_id: `p${count}` }))
      await vi.advanceTimersByTimeAsync(1)
      take()
    }
    expect(sent.slice(0, 100).every((message) => JSON.parse(message).type === "subscribed")).toBe(true)
    expect(JSON.parse(sent[100]!)).toMatchObject({ type: "error", error: "TooManySubscriptionsError" })
    made.closed()
  })
})
