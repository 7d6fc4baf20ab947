/** Idempotency keys belong to the principal that sends them. */
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { served } from "./Served.ts"

const echo = Pipeline.make("echo", [
  Task.make("say", {
    input: { word: Schema.String },
    output: { said: Schema.String },
    run: ({ word }) => ({ said: word })
  })
])
const grant = { pipelines: ["*"], permissions: ["read", "execute"] } as const
const NAMES = ["ada", "bob", "ada bob"] as const

const sent = (key: string, word: string) => ({
  json: { parameters: { word }, wait: true },
  headers: { "idempotency-key": key }
})

test("another principal's key gives neither its run nor its result, and tells no id", async () => {
  await using server = served({ ada: grant, bob: grant }, { pipelines: [echo] })
  const ofAda = await server.as("ada", "POST", "/pipelines/echo/execute", sent("k", "secret"))
  const same = await server.as("bob", "POST", "/pipelines/echo/execute", sent("k", "secret"))
  const other = await server.as("bob", "POST", "/pipelines/echo/execute", sent("k", "mine"))
  expect([ofAda.status, same.status]).toEqual([200, 200])
  expect(same.json.task_id).not.toBe(ofAda.json.task_id)
  expect([other.status, other.json.error]).toEqual([409, "IdempotencyConflictError"])
  expect(other.text).not.toContain(ofAda.json.task_id)
  expect(other.json.task_id).toBe(same.json.task_id)
  expect(other.json.message).toContain('"k"')
  const again = await server.as("ada", "POST", "/pipelines/echo/execute", sent("k", "secret"))
  expect(again.json.task_id).toBe(ofAda.json.task_id)
})

test("the program's own keys stay as they are, and no principal has them", async () => {
  await using server = served({ ada: grant }, { pipelines: [echo] })
  const own = await server.levada.start(echo, { word: "x" }, { idempotencyKey: "k" })
  expect(await server.levada.start(echo, { word: "x" }, { idempotencyKey: "k" })).toBe(own)
  const { json } = await server.as("ada", "POST", "/pipelines/echo/execute", sent("k", "x"))
  expect(json.task_id).not.toBe(own)
})

const key = fc
  .oneof(
    fc.constantFrom("k", "k".repeat(255), "ada k", "bob", " "),
    fc.string({ minLength: 1, maxLength: 255, unit: fc.constantFrom(..."ab:\\/|\"'[],.0") })
  )
  .map((text) => text.trim() || "k")

test("two starts are one run where principal and key are the same, and only there", async () => {
  await using server = served(Object.fromEntries(NAMES.map((name) => [name.replace(" ", "-"), grant])), {
    pipelines: [echo]
  })
  const names = NAMES.map((name) => name.replace(" ", "-"))
  const seen = new Map<string, string>()
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), key, async (name, text) => {
      const answer = await server.as(name, "POST", "/pipelines/echo/execute", sent(text, "x"))
      expect(answer.status, answer.text).toBe(200)
      const before = seen.get(JSON.stringify([name, text]))
      if (before !== undefined) expect(answer.json.task_id).toBe(before)
      else expect([...seen.values()]).not.toContain(answer.json.task_id)
      seen.set(JSON.stringify([name, text]), answer.json.task_id)
    }),
    { numRuns: 100 }
  )
})
