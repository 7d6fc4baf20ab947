/** The API for programs with Promises, beyond running pipelines to their end. */
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it, vi } from "vitest"
import { Access, Errors, type Event, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"

const N = Schema.Number

/** Work that goes on until the test opens the gate, or the signal fires. */
class Gate {
  readonly #started = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()

  get started(): Promise<void> {
    return this.#started.promise
  }

  open(): void {
    this.#opened.resolve()
  }

  pass(signal: AbortSignal): Promise<void> {
    this.#started.resolve()
    const stopped = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(new Error("told to stop")), { once: true })
    )
    return Promise.race([this.#opened.promise, stopped])
  }
}

const double = Task.make("double", {
  input: { n: N },
  output: { doubled: N },
  run: async ({ n }, { log }) => {
    log("doubling", { n })
    return { doubled: n * 2 }
  }
})
const doubling = Pipeline.make("doubling", [double])

const held = (gate: Gate) =>
  Pipeline.make("held", [
    Task.make("hold", {
      input: { n: N },
      output: { held: N },
      run: async ({ n }, { signal }) => {
        await gate.pass(signal)
        return { held: n }
      }
    }),
    Task.make("beside", { input: { n: N }, output: { beside: N }, run: ({ n }) => ({ beside: -n }) })
  ])

const closing: Array<Levada.Levada> = []
afterEach(async () => {
  for (const levada of closing.splice(0)) await levada.close()
})
const opened = (levada: Levada.Levada): Levada.Levada => {
  closing.push(levada)
  return levada
}
const make = (...pipelines: ReadonlyArray<Pipeline.Any>) =>
  opened(Levada.make({ pipelines: pipelines as ReadonlyArray<typeof doubling>, access: Access.open }))

const types = async (events: AsyncIterable<Event.Event>): Promise<ReadonlyArray<string>> => {
  const seen: Array<string> = []
  for await (const { sequence, type } of events) seen.push(`${sequence} ${type}`)
  return seen
}

describe("runs", () => {
  it("are listed newest first, 50 by default, and can be filtered", async () => {
    const levada = make(doubling)
    const ids: Array<string> = []
    for (let n = 0; n < 52; n++) {
      const id = await levada.start(doubling, { n })
      await levada.result(doubling, id)
      ids.unshift(id)
    }
    const { runs, nextCursor } = await levada.runs()
    expect(runs.map(({ id }) => id)).toEqual(ids.slice(0, 50))
    const rest = await levada.runs({ cursor: nextCursor! })
    expect([rest.runs.map(({ id }) => id), rest.nextCursor]).toEqual([ids.slice(50), undefined])
    expect((await levada.runs({ limit: 2, statuses: ["COMPLETED"] })).runs.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    expect((await levada.runs({ statuses: ["FAILED"] })).runs).toEqual([])
    await expect(levada.runs({ limit: 0 })).rejects.toMatchObject({ _tag: "InvalidOption", option: "limit" })
  })

  it("have their values as JSON texts by name, and the log lines of their tasks", async () => {
    const levada = make(doubling)
    const id = await levada.start(doubling, { n: 21 })
    expect(await levada.result(doubling, id)).toBe(42)
    expect(await levada.run(id)).toMatchObject({ parameters: { n: "21" }, outputs: { doubled: "42" } })
    const { lines, dropped } = await levada.lines(id)
    expect([lines.length, dropped]).toEqual([1, 0])
    expect(lines[0]).toMatchObject({ step: "double", message: "doubling", fields: '{"n":21}', level: "info" })
  })

  it("are cancelled with a reason; finished ones stay unchanged", async () => {
    const gate = new Gate()
    const pipeline = held(gate)
    const levada = make(pipeline)
    const id = await levada.start(pipeline, { n: 1 })
    await gate.started
    await levada.cancel(id, "enough")
    await expect(levada.result(pipeline, id)).rejects.toMatchObject({
      _tag: "RunCancelled",
      runId: id,
      message: `Run '${id}' was cancelled: enough`
    })
    await levada.cancel(id, "again")
    expect((await levada.run(id)).reason).toBe("enough")
  })

  it("continue without a cancelled step, by their policy", async () => {
    const gate = new Gate()
    const pipeline = held(gate)
    const levada = make(pipeline)
    const id = await levada.start(pipeline, { n: 1 }, { onFailure: "continue" })
    await gate.started
    await expect(levada.cancelStep(id, "absent")).rejects.toMatchObject({ _tag: "UnknownStep", step: "absent" })
    await levada.cancelStep(id, "hold", "not needed")
    await levada.result(pipeline, id).catch(() => undefined)
    const statuses = (await levada.run(id)).steps.map(({ name, status, reason }) => [name, status, reason])
    expect(statuses).toEqual([
      ["hold", "CANCELLED", "not needed"],
      ["beside", "COMPLETED", undefined]
    ])
  })

  it("are retried with their completed steps, and from given steps", async () => {
    let broken = true
    let calls = 0
    const first = Task.make("first", { output: { a: N }, run: () => ({ a: ++calls }) })
    const second = Task.make("second", {
      input: { a: N },
      output: { b: N },
      run: ({ a }) => {
        if (broken) throw new Error("broken")
        return { b: a * 10 }
      }
    })
    const pipeline = Pipeline.make("p", [first, second])
    const levada = make(pipeline)
    const failure = await levada.execute(pipeline, {}).catch((error: unknown) => error)
    if (!(failure instanceof Errors.RunFailed)) throw failure
    expect(failure).toMatchObject({ step: "second", error: { cause: { message: "broken" } } })
    broken = false
    expect(await levada.result(pipeline, await levada.retry(failure.runId))).toBe(10)
    expect(await levada.result(pipeline, await levada.retry(failure.runId, ["first"]))).toBe(20)
  })

  it("are removed if they are over", async () => {
    const gate = new Gate()
    const pipeline = held(gate)
    const levada = make(pipeline)
    const id = await levada.start(pipeline, { n: 1 })
    await gate.started
    await expect(levada.remove(id)).rejects.toMatchObject({ _tag: "RunUnfinished", runId: id })
    gate.open()
    await levada.result(pipeline, id)
    await levada.remove(id)
    await expect(levada.run(id)).rejects.toMatchObject({ _tag: "RunNotFound", runId: id })
    await expect(levada.lines(id)).rejects.toMatchObject({ _tag: "RunNotFound" })
  })
})

describe("pipelines", () => {
  it("that are paused start no run until they are resumed", async () => {
    const levada = make(doubling, Pipeline.make("other", [double]))
    await levada.pause("doubling")
    const id = await levada.start(doubling, { n: 1 })
    // By now the worker has done everything that it would do with it.
    expect(await levada.execute(Pipeline.make("other", [double]), { n: 2 })).toBe(4)
    expect((await levada.run(id)).status).toBe("PENDING")
    await levada.resume("doubling")
    expect(await levada.result(doubling, id)).toBe(2)
    await expect(levada.pause("absent")).rejects.toMatchObject({ _tag: "PipelineNotFound" })
  })
})

describe("schedules", () => {
  const yearly = (id: string, n: number, cron = "0 0 1 1 *") =>
    Levada.schedule(doubling, { id, timing: { cron }, parameters: { n } })

  it("exist from the start or are added later, and are listed by id", async () => {
    const schedules = [yearly("b", 1)]
    const levada = opened(Levada.make({ pipelines: [doubling], access: Access.open, schedules }))
    expect(await levada.addSchedule(yearly("a", 2))).toMatchObject({ id: "a", parameters: { n: "2" }, paused: false })
    expect((await levada.schedules()).map(({ id }) => id)).toEqual(["a", "b"])
  })

  it("are replaced by another one with their id", async () => {
    const levada = make(doubling)
    await levada.addSchedule(yearly("s", 1))
    const other = await levada.addSchedule(yearly("s", 2, "0 0 1 7 *"))
    expect(other).toMatchObject({ parameters: { n: "2" }, timing: { cron: "0 0 1 7 *" }, fired: 0 })
    expect(await levada.schedules()).toEqual([other])
  })

  it("that are invalid are refused by name, and leave the existing one alone", async () => {
    const levada = make(doubling)
    const kept = await levada.addSchedule(yearly("s", 1))
    await expect(levada.addSchedule(yearly("s", 1, "whenever"))).rejects.toMatchObject({ _tag: "InvalidCron" })
    const wrong = { ...yearly("s", 1), pipelineId: "absent" }
    await expect(levada.addSchedule(wrong)).rejects.toMatchObject({ _tag: "PipelineNotFound" })
    expect(await levada.schedules()).toEqual([kept])
  })

  it("start runs at their instants, can be paused and resumed, and are gone once removed", async () => {
    const levada = make(doubling)
    const timing = { everyMillis: 1_000 }
    await levada.addSchedule(Levada.schedule(doubling, { id: "s", timing, parameters: { n: 4 } }))
    const id = await vi.waitFor(
      async () => {
        const { runs } = await levada.runs()
        expect(runs.length).toBeGreaterThan(0)
        return runs[0]!.id
      },
      { timeout: 10_000, interval: 20 }
    )
    expect(await levada.pauseSchedule("s")).toMatchObject({ paused: true })
    expect(await levada.result(doubling, id)).toBe(8)
    expect((await levada.run(id)).schedule).toMatchObject({ id: "s" })
    const resumed = await levada.resumeSchedule("s")
    expect(resumed).toMatchObject({ paused: false, fired: 1, lastRunId: id })
    expect(resumed.nextAtMillis).toBeGreaterThan(resumed.lastAtMillis!)
    await levada.removeSchedule("s")
    expect(await levada.schedules()).toEqual([])
    for (const act of [levada.removeSchedule, levada.pauseSchedule, levada.resumeSchedule]) {
      await expect(act("s")).rejects.toMatchObject({ _tag: "ScheduleNotFound", scheduleId: "s" })
    }
  })
})

describe("watching", () => {
  const ALL = ["1 RunStarted", "2 StepStarted", "3 StepCompleted", "4 RunCompleted"]

  it("replays from any event, follows live, and ends with the run", async () => {
    const gate = new Gate()
    const pipeline = held(gate)
    const levada = make(pipeline)
    const id = await levada.start(pipeline, { n: 1 })
    const live = types(levada.watch(id))
    await gate.started
    gate.open()
    await levada.result(pipeline, id)
    const all = await live
    expect(all).toHaveLength((await levada.run(id)).sequence)
    expect([all[0], all.at(-1)]).toEqual(["1 RunStarted", `${all.length} RunCompleted`])
    expect(await types(levada.watch(id))).toEqual(all)
    expect(await types(levada.watch(id, 3))).toEqual(all.slice(3))
    expect(await types(levada.watch(id, all.length))).toEqual([])
  })

  it("a consumer that breaks out or throws disturbs neither the run nor other consumers", async () => {
    const gate = new Gate()
    const pipeline = held(gate)
    const levada = make(pipeline)
    const id = await levada.start(pipeline, { n: 7 })
    const other = types(levada.watch(id))
    await gate.started
    for await (const { type } of levada.watch(id)) if (type === "RunStarted") break
    const throwing = (async () => {
      for await (const _ of levada.watch(id)) throw new Error("the consumer's own")
    })()
    await expect(throwing).rejects.toThrow("the consumer's own")
    // One that is waiting for events when it leaves.
    const seen = levada.watch(id, (await levada.run(id)).sequence)[Symbol.asyncIterator]()
    const next = seen.next()
    await seen.return?.()
    await next.catch(() => undefined)
    gate.open()
    expect(await levada.result(pipeline, id)).toEqual({ held: 7, beside: -7 })
    expect((await other).at(-1)).toMatch(/RunCompleted$/)
    expect((await types(levada.watch(id))).length).toBe((await levada.run(id)).sequence)
  })

  it("all runs are watched through their feed, and an invalid cursor is refused", async () => {
    const levada = make(doubling)
    const feed = levada.feed()[Symbol.asyncIterator]()
    const first = feed.next()
    const id = await levada.start(doubling, { n: 1 })
    const seen = [(await first).value, (await feed.next()).value, (await feed.next()).value, (await feed.next()).value]
    expect(seen.map(({ event }) => `${event.sequence} ${event.type}`)).toEqual(ALL)
    await feed.return?.()
    for await (const { event } of levada.feed({ pipelineId: doubling.id, after: seen[2].cursor })) {
      expect(event).toMatchObject({ runId: id, type: "RunCompleted" })
      break
    }
    const wrong = levada.feed({ after: "x" })[Symbol.asyncIterator]()
    await expect(wrong.next()).rejects.toMatchObject({ _tag: "InvalidOption", option: "after" })
    const absent = levada.feed({ pipelineId: "absent" })[Symbol.asyncIterator]()
    await expect(absent.next()).rejects.toMatchObject({ _tag: "PipelineNotFound" })
  })

  it("an unknown run, or an invalid sequence, rejects with the reason", async () => {
    const levada = make(doubling)
    await expect(types(levada.watch("absent"))).rejects.toMatchObject({ _tag: "RunNotFound", runId: "absent" })
    const id = await levada.start(doubling, { n: 1 })
    await expect(types(levada.watch(id, -1))).rejects.toMatchObject({ _tag: "InvalidOption", option: "after" })
    expect(await types(levada.watch(id))).toEqual(ALL)
  })
})

describe("Levada.make", () => {
  const thrown = (options: object): unknown => {
    try {
      opened(Levada.make({ pipelines: [doubling], access: Access.open, ...options } as never))
      return undefined
    } catch (error) {
      return error
    }
  }

  it("without access fails, and the error says what to do", () => {
    for (const access of [undefined, null, "open", true]) {
      const failure = thrown({ access })
      expect(failure).toBeInstanceOf(Errors.InvalidOption)
      expect(failure).toMatchObject({ option: "access" })
      expect((failure as Error).message).toContain("Access.open")
      expect((failure as Error).message).toContain("it has no default")
    }
  })

  it.each([-1, 0, 1.5, Number.NaN])("with a body limit of %d is refused by name", (maxBodyBytes) => {
    expect(thrown({ maxBodyBytes })).toMatchObject({ _tag: "InvalidOption", option: "maxBodyBytes" })
  })
})
