/** The feed of a Store: what happens to all runs, each thing once, for readers that come and go. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as Version from "../../../core/pipeline/Version.ts"
import type { Event } from "../../../core/run/Event.ts"
import type { FeedItem, FeedRequest } from "../../../core/store/Feed.ts"
import { Store } from "../../../core/store/Store.ts"
import {
  chain,
  claim,
  type Declare,
  diamond,
  done,
  finish,
  mine,
  newRun,
  PIPELINE,
  settle,
  single
} from "./harness/Driving.ts"

/** Opens a feed. */
const open = (request: FeedRequest = {}) => Effect.flatMap(Store, (store) => store.feed(request))

/** The items of a feed up to the first one that satisfies `isLast`. */
const until = (items: Stream.Stream<FeedItem, unknown>, isLast: (item: FeedItem) => boolean) =>
  items.pipe(
    Stream.takeUntil(isLast),
    Stream.runCollect,
    Effect.timeoutOrElse({ duration: 10_000, orElse: () => Effect.die("The feed does not get there") })
  )

/** So many events. */
const take = (count: number) => {
  let seen = 0
  return (items: Stream.Stream<FeedItem, unknown>) =>
    until(items, ({ event }) => event !== undefined && ++seen >= count)
}

const eventsIn = (items: Iterable<FeedItem>): ReadonlyArray<Event> =>
  Array.from(items).flatMap(({ event }) => (event === undefined ? [] : [event]))

const logOf = (runId: string) => Effect.flatMap(Store, ({ watch }) => Stream.runCollect(watch(runId)))

/** Events by run. */
const byRun = (events: ReadonlyArray<Event>) => Map.groupBy(events, ({ runId }) => runId)

/** Works until it is interrupted. */
const working = Effect.forkChild(
  Effect.forever(Effect.flatMap(claim(4), (claims) => settle(...claims.map((each) => [each, done()] as const))))
)

const other = "q"
const both = new Set([...mine, Version.key(other, "v1")])

export const feeding = (test: Declare): void => {
  test(
    "tells what happens from when it is opened, as it is in the runs' logs",
    Effect.gen(function* () {
      const { submit } = yield* Store
      yield* finish(yield* submit(newRun(diamond)))
      // What happens between its opening and its reading is not missed.
      const feed = yield* open()
      const first = yield* submit(newRun(diamond))
      yield* finish(first)
      const second = yield* submit(newRun(single))
      yield* finish(second)
      const logs = [...(yield* logOf(first)), ...(yield* logOf(second))]
      const items = yield* take(logs.length)(feed)
      expect(eventsIn(items)).toEqual(logs)
      expect(items.some(({ isBehindGap }) => isBehindGap)).toBe(false)
    })
  )

  test(
    "goes on behind any of its cursors; 0 is the beginning",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const runId = yield* submit(newRun(chain))
      yield* finish(runId)
      const log = yield* logOf(runId)
      const all = Array.from(yield* take(log.length)(yield* open({ after: "0" })))
      expect(eventsIn(all)).toEqual(log)
      expect(new Set(all.map(({ cursor }) => cursor)).size).toBe(all.length)
      for (const [at, { cursor }] of all.slice(0, -1).entries()) {
        const rest = yield* take(log.length - at - 1)(yield* open({ after: cursor }))
        expect(eventsIn(rest)).toEqual(log.slice(at + 1))
        expect(Array.from(rest).some(({ isBehindGap }) => isBehindGap)).toBe(false)
      }
    })
  )

  test(
    "of one pipeline tells nothing of the others, but how far it is",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const feed = yield* open({ pipelineId: other })
      const [ours, theirs] = [
        yield* submit(newRun(single, { pipelineId: other })),
        yield* submit(newRun(single, { pipelineId: PIPELINE }))
      ]
      yield* settle(...(yield* claim(10, "w1", both)).map((each) => [each, done()] as const))
      const log = yield* logOf(ours)
      const items = Array.from(yield* take(log.length)(feed))
      expect(eventsIn(items)).toEqual(log)
      const last = yield* submit(newRun(single))
      yield* settle(...(yield* claim(10, "w1", both)).map((each) => [each, done()] as const))
      const after = items.at(-1)!.cursor
      const [moved] = Array.from(yield* until(yield* open({ pipelineId: other, after }), () => true))
      expect(moved).toMatchObject({ event: undefined, isBehindGap: false })
      expect(moved!.cursor).not.toBe(after)
      expect([theirs, last]).not.toContain(ours)
    })
  )

  test(
    "gives every reader each event once and in order, whenever they come and go, while many runs are under way",
    Effect.gen(function* () {
      const { submit, wait } = yield* Store
      const runIds = new Set<string>()
      const count = 60
      /** Reads until all runs are over, and comes again after some events. */
      const reader = Effect.gen(function* () {
        const seen: Array<FeedItem> = []
        const ended = new Set<string>()
        while (ended.size < count) {
          const patience = yield* Random.nextIntBetween(1, 40)
          const after = seen.at(-1)?.cursor ?? "0"
          let got = 0
          const items = yield* until(yield* open({ after }), ({ event }) => {
            if (event?.type === "RunCompleted") ended.add(event.runId)
            return ++got >= patience || ended.size === count
          })
          seen.push(...items)
        }
        return seen
      })
      const readers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(reader))
      const workers = [yield* working, yield* working]
      yield* Effect.forEach(
        Array.from({ length: count }),
        () =>
          Effect.gen(function* () {
            const runId = yield* submit(newRun(diamond))
            runIds.add(runId)
            yield* wait(runId)
          }),
        { concurrency: 20 }
      )
      for (const fiber of readers) {
        const items = yield* Fiber.join(fiber)
        expect(items.some(({ isBehindGap }) => isBehindGap)).toBe(false)
        const told = byRun(eventsIn(items))
        expect(new Set(told.keys())).toEqual(runIds)
        for (const runId of runIds) expect(told.get(runId)).toEqual(yield* logOf(runId))
      }
      yield* Fiber.interruptAll(workers)
    })
  )

  test(
    "says that something is missed: of runs that are forgotten, and for a cursor of another Store",
    Effect.gen(function* () {
      const { submit, remove } = yield* Store
      const gone = yield* submit(newRun(single))
      yield* finish(gone)
      const kept = yield* submit(newRun(single))
      yield* finish(kept)
      yield* remove(gone)
      const log = yield* logOf(kept)
      for (const after of ["0", "12345-678.9", "9999999999999999-1.1"]) {
        const items = Array.from(yield* take(log.length)(yield* open({ after })))
        expect(eventsIn(items)).toEqual(log)
        expect(items.map(({ isBehindGap }) => isBehindGap).filter((is) => is)).toHaveLength(1)
        expect(items.find(({ event }) => event !== undefined)!.isBehindGap).toBe(true)
      }
    })
  )

  test(
    "is read in pieces, small ones where events are long",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const count = 80
      const long = JSON.stringify("x".repeat(50_000))
      for (let at = 0; at < count; at++) {
        yield* submit(newRun(single))
        yield* settle(...(yield* claim()).map((each) => [each, done({ a: long })] as const))
      }
      let seen = 0
      const pieces = yield* Stream.chunks(yield* open({ after: "0" })).pipe(
        Stream.takeUntil((items) => {
          seen += eventsIn(items).filter(({ type }) => type === "RunCompleted").length
          return seen === count
        }),
        Stream.runCollect
      )
      for (const items of pieces) {
        const values = eventsIn(items).filter(({ type }) => type === "StepCompleted")
        expect(values.length * long.length).toBeLessThan(1_500_000)
      }
      expect(eventsIn(pieces.flat())).toHaveLength(4 * count)
    })
  )

  test(
    "refuses what is no cursor",
    Effect.gen(function* () {
      for (const after of ["", "1", "-1", "0-0", "x", "1-1.x", "1-1.1.1", `${"9".repeat(40)}-1.1`, " 0"]) {
        const mistake = yield* Effect.flip(open({ after }))
        expect(mistake).toMatchObject({ _tag: "InvalidOption", option: "after" })
      }
    })
  )
}
