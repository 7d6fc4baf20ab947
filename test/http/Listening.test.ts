/** Readers that do not read, say nothing or say too much: longer than tests of servers could wait for. */

import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
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

/** Events without end; counts how many were asked for. */
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

const serving = { streams: { texts: new TextCache<Event>() }, nowMillis: () => 0 }

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

describe("a stream of events", () => {
  it("that nobody reads keeps next to nothing, and is given up after a minute", async () => {
    const { items, asked } = endless()
    const freed = vi.fn()
    const bytes = new EventStream(items, undefined, serving).open(freed)
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

  it.each([
    [Effect.fail(new RunNotFound("r")), { error: "RunNotFoundError", task_id: "r" }],
    [Effect.fail(new StoreUnavailable("Redis: it can't be reached")), { error: "StoreUnavailableError" }],
    [Effect.die(new Error("hunter2")), { error: "InternalError", message: "Something went wrong on our side" }]
  ] as const)("that can't go on says why, and ends in order: %o", async (why, said) => {
    const item: FeedItem = { cursor: "7-7.7", event: undefined, isBehindGap: true }
    const items = Stream.concat(Stream.succeed(item), Stream.fromEffect(why as Effect.Effect<never, unknown>))
    const freed = vi.fn()
    const reading = new Response(new EventStream(items, undefined, serving).open(freed)).text()
    await vi.advanceTimersByTimeAsync(100)
    const [, gap, failure, end] = (await reading).split("\n\n")
    expect([gap, end]).toEqual(["event: gap\nid: 7-7.7\ndata: {}", ""])
    const [, data] = /^event: failure\ndata: (.*)$/.exec(failure!)!
    expect(JSON.parse(data!)).toMatchObject(said)
    expect(freed).toHaveBeenCalledTimes(1)
  })

  it("that is quiet shows every 15 s that it is alive, and how far it is where nothing was wanted", async () => {
    const item: FeedItem = { cursor: "7-7.7", event: undefined, isBehindGap: false }
    const items = Stream.concat(Stream.succeed(item), Stream.never)
    const reader = new EventStream(items, undefined, serving).open(() => undefined).getReader()
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

  it("beyond as many as there may be is refused, until one ends", async () => {
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
    // Whoever still reads comes to an end.
    for (const { body } of [two, three]) for await (const _ of body!);
  })
})

describe("a WebSocket", () => {
  const nobody = (): Effect.Effect<Caller, Unauthenticated> =>
    Effect.fail(new Unauthenticated("Nothing was shown", false))

  /** One with a server's end that a test holds. */
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
        run: (effect) => Effect.runPromiseExit(effect).then((exit) => exit as Exit.Exit<never, never>),
        nowMillis: () => 0,
        streams: { texts: new TextCache<Event>() }
      },
      caller,
      freed
    )
    const take = (): void => {
      buffered = 0
    }
    return { made, sent, closed, freed, take }
  }

  it("of which nothing is read keeps little on its way, and is closed after a minute", async () => {
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

  it("is closed when nobody says who they are within 10 s", async () => {
    const { closed } = socket(undefined)
    await vi.advanceTimersByTimeAsync(9_999)
    expect(closed).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(closed).toHaveBeenCalledWith(4401, "Nobody said who they are")
  })

  it("that goes while it is looked up who that is leaves nothing behind", async () => {
    const principal = { id: "ada", roles: [], expiresAtMillis: 60_000 }
    const { made, sent } = socket(undefined, {}, () => Effect.delay(Effect.succeed({ ...host, principal }), 100))
    made.message('{"type":"auth","api_key":"a key"}')
    await vi.advanceTimersByTimeAsync(50)
    made.closed()
    await vi.advanceTimersByTimeAsync(100)
    expect(sent).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("shows every 15 s that it is alive, unless it has said something else", async () => {
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

  it("with more messages than are answered is closed, and one without end of answers is waited for", async () => {
    const slow = socket(host, { feed: () => Effect.never })
    for (let count = 0; count < 110; count++) slow.made.message('{"type":"subscribe","pipeline_id":"*"}')
    expect(slow.closed).toHaveBeenCalledWith(1008, "Too many messages at once")
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
  ] as const)("tells a subscriber that its events can't be read on: %o", async (why, error) => {
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

  it("takes at most 100 subscriptions", async () => {
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
