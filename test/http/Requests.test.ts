/** Requests of every kind, with right and wrong keys: all wrong keys are named at once, and nothing else is. */
import * as Schema from "effect/Schema"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { documents } from "../../adapters/http/docs/Documents.ts"
import * as Decoding from "../../adapters/http/server/Decoding.ts"

import { toMillis } from "../../adapters/http/server/Instant.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { guide } from "../fixtures/pipelines.ts"
import type { Json } from "./harness/Client.ts"

const levada = Levada.make({ pipelines: [guide], access: Access.open })
afterAll(() => levada.close())

const send = async (method: string, path: string, body?: Json, headers: Record<string, string> = {}) => {
  const response = await levada.fetch(
    new Request(`http://localhost${path}`, {
      method,
      headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
  )
  if (response.headers.get("content-type") === "text/event-stream") {
    await response.body?.cancel()
    return { status: response.status, json: {} as Json }
  }
  const text = await response.text()
  return { status: response.status, json: (text.startsWith("{") ? JSON.parse(text) : {}) as Json }
}

/** Stands for the id of a run. */
const RUN = "{task_id}"

/** Values that a key takes, values that it does not, and what a refusal says. */
interface Key {
  readonly right: fc.Arbitrary<unknown>
  readonly wrong: fc.Arbitrary<unknown>
  readonly says: string
  readonly isRequired?: boolean
}

const objects = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 })
const texts = fc.string({ maxLength: 20 })
const notText = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.array(texts), objects)
const notNumber = fc.oneof(texts, fc.boolean(), fc.constant(null), fc.array(fc.integer()), objects)
const notObject = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.array(texts), texts)
const notList = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), texts, objects)

const text = (says: string): Key => ({ right: texts, wrong: notText, says })
/** An id of something that is there: whether it is, is asked before whether the request is right. */
const id = (says: string, there: string): Key => ({ ...text(says), right: fc.constant(there) })
const object: Key = { right: objects, wrong: notObject, says: "an object" }
const required = (key: Key): Key => ({ ...key, isRequired: true })

const number = (what: string, min: number, max: number): Key => ({
  right: fc.oneof(fc.double({ min, max, noNaN: true }), fc.constantFrom(min, max)),
  wrong: fc.oneof(
    notNumber,
    // JSON writes -0 as 0.
    fc.double({ max: min, maxExcluded: true, noNaN: true, noDefaultInfinity: true }).filter((value) => value < min),
    fc.double({ min: max, minExcluded: true, noNaN: true, noDefaultInfinity: true })
  ),
  says: `${what} from ${min} to ${max}`
})

const whole = (min: number, max: number): Key => ({
  right: fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max)),
  wrong: fc.oneof(notNumber, fc.constantFrom(min - 1, max + 1, min + 0.5)),
  says: `a whole number from ${min} to ${max}`
})

const among = (...choices: ReadonlyArray<string>): Key => ({
  right: fc.constantFrom(...choices),
  wrong: fc.oneof(
    notText,
    texts.filter((one) => !choices.includes(one)),
    fc.constant(choices[0]!.repeat(2))
  ),
  says: `one of ${choices.map((choice) => `'${choice}'`).join(", ")}`
})

const names = (says: string, minLength = 0): Key => ({
  right: fc.array(texts, { minLength, maxLength: 3 }),
  wrong: fc.oneof(notList, fc.constantFrom([1], ["a", null]), ...(minLength > 0 ? [fc.constant([])] : [])),
  says
})

const roles: Key = {
  right: fc.subarray(["admin", "viewer", "principal:ApiKey:ada"]),
  wrong: fc.oneof(
    notList,
    fc.constantFrom([""], [1], ["principal:"], ["principal:ada"], ["\ud800"], ["x".repeat(300)])
  ),
  says: "an array of roles, and of principals"
}

const seconds = (min: number, max = 315_360_000): Key => number("seconds", min, max)

const schedule = {
  id: text("a text"),
  pipeline_id: required(id("a pipeline's id", "my_pipeline")),
  parameters: object,
  priority: whole(-100, 100),
  grace: seconds(0)
}
const some = { catch_up: among("skip", "one"), overlap: among("allow", "skip", "queue") }
/** Another value for `catch_up` would make it a schedule of another kind, unless it is no choice at all. */
const catchUp: Key = { ...some.catch_up, says: "one of 'skip', 'one', 'all'" }
const all = {
  catch_up: required({ right: fc.constant("all"), wrong: fc.constant("all"), says: "" }),
  overlap: required({ ...among("allow", "queue"), says: "'queue' or 'allow' where 'catch_up' is 'all'" })
}
const cron = { cron: required(text("a cron expression such as")), time_zone: text("an IANA time zone such as") }
const every = { every: required(seconds(1)) }

const bodies: Readonly<Record<string, readonly [method: string, path: string, Readonly<Record<string, Key>>]>> = {
  "an execution": [
    "POST",
    "/pipelines/my_pipeline/execute",
    {
      parameters: object,
      wait: {
        right: fc.constant(false),
        wrong: fc.oneof(texts, fc.integer(), fc.constant(null)),
        says: "true or false"
      },
      timeout: seconds(0, 86_400),
      given: object,
      targets: names("an array of step names, at least one", 1),
      on_failure: among("fail-fast", "continue", "skip"),
      priority: whole(-100, 100),
      delay: seconds(0),
      run_timeout: seconds(0.001)
    }
  ],
  "a definition": [
    "POST",
    "/pipelines/flow",
    { pipeline_type: required(among("dataflow", "sequential")), tasks: required(names("an array of task names")) }
  ],
  "a cron schedule": ["POST", "/schedules", { ...schedule, ...cron, ...some, catch_up: catchUp }],
  "a cron schedule that catches up": ["POST", "/schedules", { ...schedule, ...cron, ...all }],
  "an interval": ["POST", "/schedules", { ...schedule, ...every, ...some, catch_up: catchUp }],
  "an interval that catches up": ["POST", "/schedules", { ...schedule, ...every, ...all }],
  "an ACL": ["PUT", "/pipelines/my_pipeline/acl", { read: roles, execute: roles, admin: roles }],
  "a token for a pipeline": [
    "POST",
    "/tokens",
    { pipeline_id: required(id("a pipeline's id", "my_pipeline")), expires_in: seconds(1, 3_600) }
  ],
  "a token for a run": ["POST", "/tokens", { task_id: required(id("a run's id", RUN)), expires_in: seconds(1, 3_600) }],
  "a cancellation": [
    "POST",
    "/runs/{task_id}/cancel",
    {
      reason: {
        right: texts,
        wrong: fc.oneof(notText, fc.constant("x".repeat(1_001))),
        says: "a text of at most 1000 characters"
      },
      step: text("a step's name")
    }
  ],
  "a repetition": ["POST", "/runs/{task_id}/retry", { from: names("an array of step names") }]
}

/** The same for a query, where everything is a text. */
const inQuery = (key: Key): Key => ({
  ...key,
  right: key.right.map(String),
  wrong: key.wrong
    .filter((value) => typeof value === "number" || (typeof value === "string" && value !== ""))
    .map(String)
})
const ofTexts = (right: ReadonlyArray<string>, wrong: ReadonlyArray<string>, says: string): Key => ({
  right: fc.constantFrom(...right),
  wrong: fc.constantFrom(...wrong),
  says
})
const limit = (max: number): Key => ({
  ...inQuery(whole(1, max)),
  wrong: fc.constantFrom("0", String(max + 1), "1.5", "-1", "", " ", "many", "NaN", "Infinity")
})
const instant = ofTexts(
  ["2026-11-24T12:00:00Z", "2026-11-24T12:00:00+01:00"],
  ["", "yesterday", "2026-11-24", "2026-11-24T12:00:00", "2026-99-24T12:00:00Z"],
  "an instant such as"
)
const cursor = ofTexts(["abc-_1"], ["", "a b", "x".repeat(201)], "the `next_cursor` of an earlier list")
const place = ofTexts(["0", "7", "123456789"], ["", "-1", "x", "1234567890"], "the cursor of an earlier list")
const types = ofTexts(
  ["StepStartEvent", "StepStartEvent,StepErrorEvent"],
  ["", "Nothing", "StepStartEvent,"],
  "event types, separated by commas"
)
const anything: Key = { right: texts, wrong: fc.constant(""), says: "" }

const queries: Readonly<Record<string, readonly [path: string, Readonly<Record<string, Key>>]>> = {
  runs: [
    "/runs",
    {
      pipeline_id: anything,
      status: ofTexts(
        ["PENDING", "FAILED,CANCELLED", "RUNNING,RUNNING"],
        ["", "x", "FAILED,", ",FAILED", "FAILED, CANCELLED", "failed", "FAILEDFAILED"],
        "statuses, separated by commas"
      ),
      min_duration_ms: ofTexts(["0", "1.5", "1000"], ["", "-1", "x", "1e400", "NaN"], "a number of milliseconds"),
      max_duration_ms: ofTexts(["2000", "86400000"], ["", "-1", "x", "Infinity"], "a number of milliseconds"),
      failed_step: ofTexts(["step", "a b", "%"], ["", "x".repeat(201)], "a string of 1 to 200 characters"),
      error: ofTexts(["timeout", "\u0000", ".*"], ["", "x".repeat(201)], "a string of 1 to 200 characters"),
      since: instant,
      until: instant,
      limit: limit(200),
      cursor
    }
  ],
  pipelines: ["/pipelines", { limit: limit(1_000), cursor: place }],
  schedules: ["/schedules", { limit: limit(1_000), cursor: place }],
  audit: [
    "/audit",
    {
      principal: anything,
      pipeline_id: anything,
      outcome: inQuery(among("allowed", "denied")),
      since: instant,
      until: instant,
      limit: limit(1_000),
      cursor
    }
  ],
  statistics: [
    "/pipelines/my_pipeline/statistics",
    { window: ofTexts(["1", "0.5e3", "86400"], ["0", "86401", "", "x"], "a number of seconds from 1 to 86400") }
  ],
  "events of a run": [
    "/runs/{task_id}/events",
    { after: ofTexts(["0", "3"], ["", "-1", "x", "0.5"], "the sequence of an event, or 0"), types }
  ],
  "a feed": ["/events", { after: ofTexts(["0"], ["x".repeat(101)], "the id of an event"), types }]
}

/** A request, and what is wrong with each of its keys. */
interface Sample {
  readonly given: Readonly<Record<string, unknown>>
  readonly wrong: Readonly<Record<string, string>>
}

const UNKNOWN = ["", "x", "Wait", "__proto__", "constructor", "toString", "y".repeat(150)]

const samples = (keys: Readonly<Record<string, Key>>, isBody: boolean): fc.Arbitrary<Sample> => {
  const known = Object.entries(keys).map(([name, { right, wrong, says, isRequired = false }]) => {
    const good = right.map((value) => [name, value, undefined] as const)
    const left = fc.constant([name, undefined, isRequired ? "Missing" : undefined] as const)
    const bad = says === "" ? good : wrong.map((value) => [name, value, says] as const)
    return isRequired
      ? fc.oneof({ weight: 8, arbitrary: good }, { weight: name === "pipeline_id" ? 1 : 0, arbitrary: left }, bad)
      : fc.oneof({ weight: 4, arbitrary: good }, { weight: 3, arbitrary: left }, bad)
  })
  const allKeys = Object.keys(keys)
  const others = fc
    .subarray(UNKNOWN)
    .map((found) =>
      found.map(
        (name) => [name, 1, isBody ? `Unknown; the body's keys are: ${allKeys.slice(0, 1)}` : undefined] as const
      )
    )
  const few = fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, others)
  return fc.tuple(fc.tuple(...known), few).map(([of, more]) => {
    const every = [...of, ...more]
    return {
      given: Object.fromEntries(every.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
      wrong: Object.fromEntries(
        every.flatMap(([name, , says]) => (says === undefined ? [] : [[name.slice(0, 100), says]]))
      )
    }
  })
}

const expectAnswer = (
  { status, json }: { readonly status: number; readonly json: Json },
  { given, wrong }: Sample,
  error: string
) => {
  const shown = JSON.stringify(given)
  if (Object.keys(wrong).length === 0) {
    expect(json.error, shown).not.toBe(error)
    return
  }
  expect([status, json.error], shown).toEqual([400, error])
  const told = Object.fromEntries(json.details.map(({ path, message }: Json) => [path, message]))
  expect(json.details.length, shown).toBe(Object.keys(told).length)
  expect(Object.keys(told).sort(), shown).toEqual(Object.keys(wrong).sort())
  for (const [path, says] of Object.entries(wrong)) {
    if (says !== "Missing") expect(told[path], shown).toContain(says)
    else expect(told[path], shown).toMatch(/Missing; expected |Expected either /)
  }
}

let runId: string
beforeAll(async () => {
  runId = (await send("POST", "/pipelines/my_pipeline/execute", { parameters: { data: "x" }, wait: true })).json.task_id
})
const at = (path: string): string => path.replace(RUN, runId)
const named = (given: Sample["given"]): Json => (given["task_id"] === RUN ? { ...given, task_id: runId } : given)

describe("every wrong key is named at once", () => {
  test.for(Object.entries(bodies))("in %s", async ([, [method, path, keys]]) => {
    await fc.assert(
      fc.asyncProperty(samples(keys, true), async (sample) => {
        expectAnswer(await send(method, at(path), named(sample.given)), sample, "BodyInvalidError")
      }),
      { numRuns: 150 }
    )
  })

  test.for(Object.entries(queries))("in the query of %s", async ([, [path, keys]]) => {
    await fc.assert(
      fc.asyncProperty(samples(keys, false), async (sample) => {
        const query = new URLSearchParams(sample.given as Record<string, string>)
        expectAnswer(await send("GET", `${at(path)}?${query}`), sample, "QueryInvalidError")
      }),
      { numRuns: 100 }
    )
  })
})

test("a body that is no object is refused as one", async () => {
  for (const [method, path] of Object.values(bodies)) {
    for (const body of [null, [], "text", 1, true]) {
      const { status, json } = await send(method, at(path), body)
      expect([status, json.error, json.details]).toEqual([
        400,
        "BodyInvalidError",
        [{ path: "", message: "Expected an object" }]
      ])
    }
  }
})

test("of two keys that exclude each other, and where both are missing, the refusal names both", async () => {
  const either = "Expected either 'cron' or 'every' (in seconds)"
  const one = "Expected either 'pipeline_id' or 'task_id'"
  for (const [path, body, details] of [
    ["/schedules", { pipeline_id: "my_pipeline" }, [["cron", either]]],
    ["/schedules", { pipeline_id: "my_pipeline", cron: "* * * * *", every: 60 }, [["cron", either]]],
    [
      "/schedules",
      { pipeline_id: "my_pipeline", every: 60, time_zone: "UTC" },
      [["time_zone", "Only a schedule with 'cron' has a time zone"]]
    ],
    ["/tokens", {}, [["pipeline_id", one]]],
    ["/tokens", { pipeline_id: "my_pipeline", task_id: runId }, [["pipeline_id", one]]]
  ] as const) {
    const { status, json } = await send("POST", path, body)
    expect([status, json.details.map((detail: Json) => [detail.path, detail.message])]).toEqual([400, details])
  }
})

test("a body wins over a query, and a query over a header; what is overridden has to be right too", async () => {
  const path = "/pipelines/my_pipeline/execute"
  const parameters = { data: "x" }
  const execute = async (query: string, body: Json, headers = {}) => {
    const { status, json } = await send("POST", path + query, { parameters, ...body }, headers)
    return [status, ...(json.details ?? []).map((detail: Json) => detail.path)]
  }
  const prefer = { prefer: "wait=30" }
  expect(await execute("", {}, prefer)).toEqual([200])
  expect(await execute("?wait=false", {}, prefer)).toEqual([202])
  expect(await execute("?wait=TRUE", {})).toEqual([200])
  expect(await execute("?wait=1", { wait: false })).toEqual([202])
  expect(await execute("?wait=0", { wait: true })).toEqual([200])
  expect(await execute("?wait=maybe&timeout=-1", { wait: false, timeout: 1 })).toEqual([400, "wait", "timeout"])
  expect(await execute("?wait=maybe", { timeout: -1 })).toEqual([400, "wait", "timeout"])
  expect(await execute("?other=1&wait=true&wait=maybe", {})).toEqual([200])
  expect(await execute("", { wait: 1 }, { "idempotency-key": "k".repeat(256) })).toEqual([
    400,
    "Idempotency-Key",
    "wait"
  ])
})

test("a `Last-Event-ID` wins over the query, and both have to be right", async () => {
  for (const [query, seen, paths] of [
    ["", "3", undefined],
    ["?after=1", "3", undefined],
    ["?after=x", "3", ["after"]],
    ["?after=1", "x", ["after"]],
    ["?after=1", "1e0", ["after"]],
    ["?types=x", "x", ["after", "types"]]
  ] as const) {
    const { json } = await send("GET", `/runs/${runId}/events${query}`, undefined, { "last-event-id": seen })
    expect(json.details?.map((detail: Json) => detail.path)).toEqual(paths)
  }
})

test("every key of every request says what it expects", () => {
  const silent = Object.entries(documents).flatMap(([key, document]) =>
    ["body" in document ? document.body : undefined, "query" in document ? document.query : undefined]
      .flatMap((schema: Json) => schema?.members ?? schema ?? [])
      .flatMap(({ fields }: { readonly fields: Readonly<Record<string, Schema.Constraint>> }) => Object.entries(fields))
      .filter(([name, field]) => name !== "catch_up" && Schema.resolveAnnotations(field)?.expected === undefined)
      .map(([name]) => `${key}: ${name}`)
  )
  expect(silent).toEqual([])
})

test("every key says which values it accepts: a Schema without the annotation makes no decoder", () => {
  const schema = Schema.Struct({ name: Schema.String.annotate({ expected: "a name" }), size: Schema.Number })
  for (const make of [Decoding.exact, Decoding.open, Decoding.query]) {
    expect(() => make(schema)).toThrow("The Schema of 'size' has no annotation 'expected'")
  }
})

test("seconds with any number of milliseconds are exactly that many milliseconds", async () => {
  const millis = fc.integer({ min: 1, max: 40_000_000 })
  await fc.assert(
    fc.asyncProperty(millis, async (delay) => {
      const { json } = await send("POST", "/pipelines/my_pipeline/execute", {
        parameters: { data: "x" },
        delay: delay / 1_000
      })
      const run = await levada.run(json["task_id"] as string)
      expect(run.startAtMillis - run.submittedAtMillis).toBe(delay)
      await levada.cancel(run.id)
    }),
    { numRuns: 200, examples: [[2_007], [1_001], [4_035]] }
  )
  for (const every of [1_001, 2_007, 4_035, 8_070_001]) {
    const { json } = await send("POST", "/schedules", {
      id: `every-${every}`,
      pipeline_id: "my_pipeline",
      parameters: { data: "x" },
      every: every / 1_000
    })
    expect(json["every"]).toBe(every / 1_000)
  }
})

test("less than a millisecond is one, less than a microsecond none", () => {
  expect([0.0001, 1.0000001, 1.9999, 0].map(toMillis)).toEqual([1, 1_000, 2_000, 0])
})
