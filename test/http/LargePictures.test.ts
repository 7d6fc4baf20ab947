/** Pictures of large pipelines: what is laid out how, what is refused, and what is kept. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { afterAll, describe, expect, test } from "vitest"
import { LayoutCache } from "../../adapters/http/pipelines/Layouts.ts"
import { Access, Layout, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { pipelineOf } from "../core/render/RandomPictures.ts"
import type { bare } from "../fixtures/pipelines.ts"

/** Steps side by side. The type says only that they need no services. */
const side = (id: string, size: number): typeof bare =>
  Result.getOrThrow(
    Pipeline.fromTasks(
      id,
      "dataflow",
      Array.from({ length: size }, (_, at) =>
        Task.make(`step_${at}`, { output: { [`v${at}`]: Schema.Number }, run: () => ({ [`v${at}`]: at }) })
      ) as ReadonlyArray<Task.Any>
    )
  ) as unknown as typeof bare

describe("over HTTP", () => {
  const levada = Levada.make({
    pipelines: [side("fair", 400), side("vast", 5_001)],
    access: Access.open
  })
  afterAll(() => levada.close())
  const ask = (path: string, accept = "*/*") =>
    levada.fetch(new Request(`http://localhost/pipelines/${path}`, { headers: { accept } }))

  test("a pipeline that is too large for dagre gets layers, even if dagre is asked for", async () => {
    for (const query of ["", "?engine=dagre", "?engine=layers"]) {
      const answer = await ask(`fair/dag/layout${query}`)
      expect([answer.status, ((await answer.json()) as { engine: string }).engine]).toEqual([200, "layers"])
    }
  })

  test("a pipeline that is too large for a picture is refused with its size and the limits", async () => {
    for (const form of ["svg", "layout", "cytoscape"]) {
      const answer = await ask(`vast/dag/${form}`)
      expect([answer.status, await answer.json()]).toMatchObject([
        422,
        { error: "LayoutTooLargeError", message: expect.stringMatching(/5001 nodes .* at most 5000 nodes/) }
      ])
    }
    const page = await ask("vast/visualize", "text/html")
    expect([page.status, (await page.text()).includes("is too large for a picture")]).toEqual([200, true])
    for (const form of ["mermaid", "ascii", "dot", "critical-path"]) {
      expect((await ask(`vast/dag/${form}`)).status, form).toBe(200)
    }
  })
})

describe("kept layouts", () => {
  const few = (at: number) => pipelineOf([`step_${at}`], [[]])

  test("are made once for each pipeline", () => {
    const cache = new LayoutCache()
    let made = 0
    const engine: Layout.Engine = {
      ...Layout.LAYERS,
      layout: (graph) => {
        made++
        return Layout.LAYERS.layout(graph)
      }
    }
    const [one, other] = [few(1), few(2)]
    for (const pipeline of [one, other, one, other]) expect(Result.isSuccess(cache.of(pipeline, engine))).toBe(true)
    expect([made, cache.size]).toEqual([2, 2])
  })

  test("are bounded in number and bytes, and the least recently used go first", () => {
    const cache = new LayoutCache()
    const first = few(0)
    const kept = cache.of(first, Layout.LAYERS)
    for (let at = 1; at < 500; at++) {
      cache.of(few(at), Layout.LAYERS)
      expect(cache.of(first, Layout.LAYERS)).toBe(kept)
    }
    expect(cache.size).toBe(100)
    const names = Array.from({ length: 5_000 }, (_, at) => `step_${at}`)
    for (let at = 0; at < 12; at++) {
      const chain = pipelineOf(
        names,
        names.map((_, step) => (step === 0 ? [] : [step - 1]))
      )
      expect(Result.isSuccess(cache.of(chain, Layout.LAYERS))).toBe(true)
      expect(cache.bytes).toBeLessThanOrEqual(1 << 24)
    }
    expect(cache.size).toBeLessThan(12)
  })
})
