/** Spans of runs, steps, claims and settles, as a tracer gets them. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import { afterEach } from "vitest"
import { Access, Levada, Pipeline, Task } from "../../../adapters/promise/index.ts"
import { fromTraceparent, toTraceparent } from "../../../core/runtime/Tracing.ts"

const closing: Array<Levada.Levada> = []
afterEach(async () => {
  for (const levada of closing.splice(0)) await levada.close()
})

/** A tracer that keeps what it gets. */
const keeping = () => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const named = (name: string) => spans.filter((span) => span.name === name)
  return { spans, named, layer: Layer.succeed(Tracer.Tracer, tracer) }
}

const N = Schema.Number
const inner: Array<string | undefined> = []
const plain = Task.make("plain", { input: { n: N }, output: { a: N }, run: ({ n }) => ({ a: n }) })
const promised = Task.make("promised", {
  input: { a: N },
  output: { b: N },
  run: async ({ a }, { traceparent }) => {
    inner.push(traceparent)
    return { b: a }
  }
})
const effectful = Task.make("effectful", {
  input: { b: N },
  output: { c: N },
  run: ({ b }) => Effect.withSpan(Effect.succeed({ c: b }), "inside")
})
const flow = Pipeline.make("flow", [plain, promised, effectful])
let failures = 0
const shaky = Pipeline.make("shaky", [
  Task.make("shake", {
    input: {},
    output: { n: N },
    retry: { times: 1, delayMillis: 1 },
    run: (): { n: number } => {
      throw new Error(`no. ${++failures}`)
    }
  })
])

const make = (telemetry?: Layer.Layer<never>): Levada.Levada => {
  const levada = Levada.make({ pipelines: [flow, shaky], access: Access.open, ...(telemetry && { telemetry }) })
  closing.push(levada)
  return levada
}

const parentOf = (span: Tracer.Span): string | undefined => Option.getOrUndefined(span.parent)?.spanId
const nameOf = (error: unknown): string => (error as Error).name

describe("traced", () => {
  it("a run has a span, its steps are its children, and their own spans theirs", async () => {
    const { named, layer } = keeping()
    inner.length = 0
    await make(layer).execute(flow, { n: 1 })
    const [run] = named("levada.run")
    expect(Object.fromEntries(run!.attributes)).toMatchObject({
      "levada.pipeline": "flow",
      "levada.run": expect.stringMatching(/^\w+$/)
    })
    const steps = named("levada.step")
    expect(steps.map(({ attributes }) => attributes.get("levada.step"))).toEqual(["plain", "promised", "effectful"])
    for (const step of steps) {
      expect([step.traceId, parentOf(step), step.status._tag]).toEqual([run!.traceId, run!.spanId, "Ended"])
      expect(step.attributes.get("levada.run")).toBe(run!.attributes.get("levada.run"))
      expect(step.attributes.get("levada.outcome")).toBe("Completed")
    }
    const [inside] = named("inside")
    expect([inside!.traceId, parentOf(inside!)]).toEqual([run!.traceId, steps[2]!.spanId])
    expect(inner).toEqual([toTraceparent(steps[1]!)])
    await closing[0]!.close()
    expect(run!.status._tag).toBe("Ended")
    expect(run!.attributes.get("levada.status")).toBe("COMPLETED")
  })

  it("claims and settles have spans of their own, which name the runs that they are about", async () => {
    const { named, layer } = keeping()
    await make(layer).execute(flow, { n: 1 })
    const [run] = named("levada.run")
    const about = [...named("levada.claim"), ...named("levada.settle")]
    expect(named("levada.claim").length).toBeGreaterThan(0)
    expect(named("levada.settle").length).toBeGreaterThan(0)
    for (const span of about) {
      expect(span.links.map((link) => link.span.spanId)).toEqual([run!.spanId])
      expect(Option.isNone(span.parent)).toBe(true)
    }
    const sum = (name: string, key: string): number =>
      named(name).reduce((all, { attributes }) => all + ((attributes.get(key) as number | undefined) ?? 0), 0)
    expect(sum("levada.settle", "levada.settled")).toBe(3)
    expect(sum("levada.settle", "levada.claimed") + sum("levada.claim", "levada.claimed")).toBe(3)
  })

  it("what fails says why, attempt by attempt", async () => {
    const { named, layer } = keeping()
    const levada = make(layer)
    await expect(levada.execute(shaky, {})).rejects.toThrow()
    const ends = named("levada.step").map(({ status, attributes }) => [
      attributes.get("levada.attempt"),
      attributes.get("levada.outcome"),
      status._tag === "Ended" &&
        status.exit._tag === "Failure" &&
        nameOf(status.exit.cause.reasons[0]!["error" as never])
    ])
    expect(ends).toEqual([
      [1, "Retried", "TaskFailed"],
      [2, "Failed", "TaskFailed"]
    ])
    await levada.close()
    const { status } = named("levada.run")[0]!
    expect(status._tag === "Ended" && status.exit._tag).toBe("Failure")
  })

  it("a request has a span, a child of what the client says, and the run is its child", async () => {
    const { named, layer } = keeping()
    const levada = make(layer)
    const traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
    const send = (headers: Readonly<Record<string, string>>) =>
      levada.fetch(
        new Request("http://localhost/pipelines/flow/execute", {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: JSON.stringify({ parameters: { n: 1 }, wait: true })
        })
      )
    expect((await send({ traceparent })).status).toBe(200)
    const [request] = named("POST /pipelines/{pipeline_id}/execute")
    expect([request!.kind, request!.traceId, parentOf(request!)]).toEqual([
      "server",
      "0123456789abcdef0123456789abcdef",
      "0123456789abcdef"
    ])
    expect(request!.attributes.get("http.response.status_code")).toBe(200)
    expect(parentOf(named("levada.run")[0]!)).toBe(request!.spanId)
    // What is no such header is passed over; and whoever does not want to be sampled is not.
    expect((await send({ traceparent: "00-zz-1-01" })).status).toBe(200)
    expect(parentOf(named("POST /pipelines/{pipeline_id}/execute")[1]!)).toBeUndefined()
    await send({ traceparent: traceparent.replace(/01$/, "00") })
    expect(named("POST /pipelines/{pipeline_id}/execute")[2]!.sampled).toBe(false)
    expect(
      named("levada.step")
        .slice(6)
        .map(({ sampled }) => sampled)
    ).toEqual([false, false, false])
  })

  it("without a tracer there are no spans, and tasks see none", async () => {
    inner.length = 0
    await make().execute(flow, { n: 1 })
    expect(inner).toEqual([undefined])
  })
})

describe("the log", () => {
  it("names run and step of what failed, apart from its words, and not why", async () => {
    const lines: Array<{ readonly message: string; readonly annotations: Readonly<Record<string, unknown>> }> = []
    const logger = Logger.make(({ message, fiber }) => {
      lines.push({ message: String(message), annotations: fiber.getRef(References.CurrentLogAnnotations) })
    })
    const logged = Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Debug"))
    const levada = Levada.make({ pipelines: [shaky], access: Access.open, telemetry: logged })
    closing.push(levada)
    await expect(levada.execute(shaky, {})).rejects.toThrow()
    const run = (await levada.runs()).runs[0]!
    await levada.close()
    expect(lines).toEqual([
      {
        message: `Step 'shake' of run '${run.id}' failed and is retried after 1 ms`,
        annotations: { pipeline: "shaky", run: run.id, step: "shake", attempt: 1 }
      },
      {
        message: `Step 'shake' of run '${run.id}' failed`,
        annotations: { pipeline: "shaky", run: run.id, step: "shake", attempt: 2 }
      }
    ])
  })
})

describe("a span as text", () => {
  it("is what it was", () => {
    const text = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
    expect(toTraceparent(fromTraceparent(text)!)).toBe(text)
    expect(fromTraceparent(text.replace(/01$/, "00"))!.sampled).toBe(false)
    // Later versions may say more.
    expect(fromTraceparent(`${text}-more`)!.traceId).toBe("0123456789abcdef0123456789abcdef")
  })

  it.each([
    undefined,
    "",
    "00",
    "00-0123456789abcdef0123456789abcdef-0123456789abcdef",
    "00-0123456789ABCDEF0123456789abcdef-0123456789abcdef-01",
    "00-00000000000000000000000000000000-0123456789abcdef-01",
    "00-0123456789abcdef0123456789abcdef-0000000000000000-01",
    "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01more"
  ])("that is none gives none: %s", (text) => {
    expect(fromTraceparent(text)).toBeUndefined()
  })
})
