/** The laws of events, as properties: whatever runs and however it ends, every channel tells the same in a lawful order. */
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { ask, get, type Json, type Server, start, until, unused } from "../../http/harness/Client.ts"
import { Connection } from "../../http/harness/Connection.ts"
import { Listener } from "../../http/harness/Listener.ts"

/** What may run, and with what. */
const KINDS: Readonly<Record<string, (n: number) => Json>> = {
  my_pipeline: () => ({ data: "x" }),
  audio_analysis_v1: (n) => ({ path: "x".repeat(n) }),
  winding: (n) => ({ number: n }),
  failing: () => ({ how: "text" }),
  flaky: () => ({ gate: unused() }),
  hasty: (n) => ({ millis: n % 2 === 0 ? 0 : 60_000 }),
  slow: (n) => ({ millis: n }),
  held: () => ({ gate: unused() })
}

/** One run: which, and whether it is cancelled. What nobody would end is cancelled in any case. */
interface Started {
  readonly kind: string
  readonly n: number
  readonly isCancelled: boolean
}

const started: fc.Arbitrary<Started> = fc.record({
  kind: fc.constantFrom(...Object.keys(KINDS)),
  n: fc.integer({ min: 1, max: 4 }),
  isCancelled: fc.boolean()
})

const startAll = (server: Server, runs: ReadonlyArray<Started>): Promise<ReadonlyArray<string>> =>
  Promise.all(runs.map(({ kind, n }) => start(server, kind, KINDS[kind]!(n))))

const cancelSome = async (server: Server, runs: ReadonlyArray<Started>, ids: ReadonlyArray<string>): Promise<void> => {
  for (const [at, { isCancelled, kind }] of runs.entries()) {
    if (isCancelled || kind === "held") await ask(server, "POST", `/runs/${ids[at]}/cancel`)
  }
}

const ENDS = ["PipelineCompleteEvent", "PipelineErrorEvent", "PipelineCancelEvent"]
const STEP_ENDS = ["StepCompleteEvent", "StepErrorEvent", "StepSkipEvent"]

/** The laws that the events of one run obey once it is over. */
const expectLawful = (events: ReadonlyArray<Json>, taskId: string): void => {
  const types = events.map(({ type }) => type)
  expect(types[0]).toBe("PipelineStartEvent")
  expect(types.filter((type) => type === "PipelineStartEvent")).toHaveLength(1)
  expect(ENDS).toContain(types.at(-1))
  expect(types.filter((type) => ENDS.includes(type))).toHaveLength(1)
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, at) => at + 1))
  const [begun, over] = [new Set<string>(), new Set<string>()]
  let before = 0
  for (const { task_id, timestamp, type, step_name: step } of events) {
    expect(task_id).toBe(taskId)
    expect(Date.parse(timestamp)).toBeGreaterThanOrEqual(before)
    before = Date.parse(timestamp)
    if (step === undefined) continue
    expect(over.has(step), `${type} of '${step}', which is over`).toBe(false)
    if (type === "StepStartEvent") begun.add(step)
    else if (type !== "StepSkipEvent") expect(begun.has(step), `${type} of '${step}' before its start`).toBe(true)
    if (STEP_ENDS.includes(type)) over.add(step)
  }
  // The end of a run is the end of what goes on in it; a run that is complete has nothing of that kind.
  if (types.at(-1) === "PipelineCompleteEvent") expect([...begun].filter((step) => !over.has(step))).toEqual([])
}

const historyOf = async (server: Server, taskId: string): Promise<ReadonlyArray<Json>> => {
  const listener = await Listener.open(server, `/runs/${taskId}/events`)
  await listener.ended
  return listener.events
}

const overSocket = async (server: Server, taskId: string): Promise<ReadonlyArray<Json>> => {
  const connection = await Connection.open(server)
  await connection.ask({ type: "subscribe", task_id: taskId })
  expect(await connection.next()).toMatchObject({ type: "ended" })
  connection.close()
  return connection.events
}

/** Of a feed: the events of one run, without where it goes on. */
const ofRun = (events: ReadonlyArray<Json>, taskId: string): ReadonlyArray<Json> =>
  events.filter(({ task_id }) => task_id === taskId).map(({ cursor: _, ...event }) => event)

/** Reads so many events of a stream, goes away and comes back behind the last one, for as long as `isOver` has it. */
const wander = async (
  server: Server,
  path: string,
  counts: ReadonlyArray<number>,
  isOver: (events: ReadonlyArray<Json>) => boolean,
  from?: string
): Promise<ReadonlyArray<Json>> => {
  const events: Array<Json> = []
  let place = from
  for (let at = 0; !isOver(events); at++) {
    const count = counts[at] ?? Number.POSITIVE_INFINITY
    const listener = await Listener.open(server, path, place === undefined ? {} : { "last-event-id": place })
    await until(
      "events",
      async () =>
        listener.isOver || listener.events.length >= count || isOver([...events, ...listener.events]) || undefined
    )
    const taken = listener.events.slice(0, count)
    listener.close()
    expect(listener.gaps).toEqual([])
    events.push(...taken)
    place = listener.ids[taken.length - 1] ?? place
  }
  return events
}

const isEnded = (events: ReadonlyArray<Json>): boolean => ENDS.includes(events.at(-1)?.type)

/** `other`: a server of the same runs, by which they are read. */
export const ordering = (server: Server, other: Server = server, takesSockets = true): void => {
  test("whatever runs, its events are lawful, and the same over every channel, live and later", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(started, { minLength: 1, maxLength: 10 }), async (runs) => {
        const feed = await Listener.open(other, "/events")
        const socket = takesSockets ? await Connection.open(other) : undefined
        await socket?.ask({ type: "subscribe", pipeline_id: "*" })
        const ids = await startAll(server, runs)
        const live = await Promise.all(ids.map((id) => Listener.open(other, `/runs/${id}/events`)))
        await cancelSome(server, runs, ids)
        for (const [at, id] of ids.entries()) {
          await live[at]!.ended
          const history = await historyOf(other, id)
          expectLawful(history, id)
          expect(history[0].pipeline_id).toBe(runs[at]!.kind)
          expect(live[at]!.events).toEqual(history)
          const isThere = (events: ReadonlyArray<Json>) => async () => isEnded(ofRun(events, id)) || undefined
          await until("its end in the feed", isThere(feed.events))
          expect(ofRun(feed.events, id)).toEqual(history)
          if (socket !== undefined) {
            expect(await overSocket(other, id)).toEqual(history)
            await until("its end on the socket", async () => isThere(socket.events)())
            expect(ofRun(socket.events, id)).toEqual(history)
          }
          const { json } = await get(other, `/runs/${id}`)
          for (const { name, status } of json.steps) expect(["PENDING", "RUNNING"], name).not.toContain(status)
          expect(
            `Pipeline${{ COMPLETED: "Complete", FAILED: "Error", CANCELLED: "Cancel" }[json.status as string]}Event`
          ).toBe(history.at(-1).type)
        }
        expect(new Set(feed.ids).size).toBe(feed.ids.length)
        feed.close()
        socket?.close()
      }),
      { numRuns: 8 }
    )
  })

  test("whoever goes away and comes back, wherever they were, has missed nothing and heard nothing twice", async () => {
    const counts = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(counts, fc.array(started, { minLength: 1, maxLength: 5 }), async (cuts, runs) => {
        const begin = await Listener.open(other, "/events")
        await start(server, "no_parameters", {})
        await until("a place", async () => begin.ids.length > 0 || undefined)
        const place = begin.ids[0]!
        begin.close()
        const ids = await startAll(server, runs)
        const areOver = (events: ReadonlyArray<Json>): boolean => ids.every((id) => isEnded(ofRun(events, id)))
        const wanderers = [
          wander(other, "/events", cuts, areOver, place),
          ...ids.map((id) => wander(other, `/runs/${id}/events`, cuts, isEnded))
        ]
        await cancelSome(server, runs, ids)
        const [told, ...each] = await Promise.all(wanderers)
        for (const [at, id] of ids.entries()) {
          const history = await historyOf(other, id)
          expect(each[at]).toEqual(history)
          expect(ofRun(told!, id)).toEqual(history)
        }
      }),
      { numRuns: 8 }
    )
  })
}
