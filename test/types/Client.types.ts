/**
 * What the client has to accept and to refuse. Compiled by a test, never run. Each line under `@ts-expect-error` must not
 * compile.
 */
import { Client } from "../../adapters/client/index.ts"
import type { PipelineWire, RunWire } from "../../adapters/http/index.ts"
import { bare, calendar, graph, guide } from "../fixtures/pipelines.ts"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => undefined

const client = Client.make({ url: "http://localhost:8000", apiKey: () => "a key", token: async () => "a token" })

// A pipeline's own types, in and out.
const processed = await client.execute(guide, { data: "x" })
same<typeof processed, { readonly processed: string }>(true)
const { next, weekdays } = await client.execute(calendar, { day: new Date(), days: 1n })
same<typeof next, Date>(true)
same<typeof weekdays, ReadonlySet<string>>(true)
const { tags } = await client.execute(graph, { path: "x" }, { priority: 5, timeout: 10, idempotencyKey: "k" })
same<typeof tags, ReadonlyArray<string>>(true)
await client.execute(bare, {})
const earlier = await client.result(guide, "an id")
same<typeof earlier, { readonly processed: string }>(true)
const taskId = await client.start(guide, { data: "x" })
same<typeof taskId, string>(true)

// By id, JSON.
const unknown = await client.execute("my_pipeline", { anything: 1 })
same<typeof unknown, unknown>(true)
await client.execute("my_pipeline")
same<Awaited<ReturnType<typeof client.run>>, RunWire.RunDetail>(true)
same<Awaited<ReturnType<typeof client.pipelines>>, ReadonlyArray<PipelineWire.PipelineRow>>(true)

// @ts-expect-error another type
await client.execute(guide, { data: 1 })
// @ts-expect-error a parameter is missing
await client.execute(graph, {})
// @ts-expect-error a parameter that it does not have
await client.execute(guide, { data: "x", more: 1 })
// @ts-expect-error an option that there is none of
await client.execute(guide, { data: "x" }, { prioritty: 5 })
// @ts-expect-error with targets the result is another one, so it is asked for by id
await client.execute(guide, { data: "x" }, { targets: ["process"] })
// @ts-expect-error JSON has no dates
await client.execute(calendar, { day: "2026-11-27", days: 1n })
// @ts-expect-error no such status
await client.runs({ status: "DONE" })

for await (const event of client.events(taskId, { types: ["StepStartEvent"] })) {
  same<typeof event, Client.EventJson>(true)
  // @ts-expect-error no such type of event
  if (event.type === "StepBeginEvent") break
}
// @ts-expect-error no such type of event
client.feed({ types: ["StepBeginEvent"] })
// @ts-expect-error the address is needed
Client.make({})
