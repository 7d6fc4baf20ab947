/** Random pipelines as far as a picture needs them: any names, kinds, boxes and arms, in ways that builders of steps never make too. */
import * as Result from "effect/Result"
import * as fc from "fast-check"
import * as Dag from "../../../core/pipeline/Dag.ts"
import type * as Pipeline from "../../../core/pipeline/Pipeline.ts"
import type { Box, Kind } from "../../../core/pipeline/Step.ts"
import { Name } from "./Names.ts"

/** A pipeline of `names`, in which step `at` needs the steps `needs[at]`. */
export const pipelineOf = (
  names: ReadonlyArray<string>,
  needs: ReadonlyArray<ReadonlyArray<number>>,
  boxes: ReadonlyArray<ReadonlyArray<Box>> = [],
  kinds: ReadonlyArray<Kind> = [],
  id = "p"
): Pipeline.Any => {
  const dag = Result.getOrThrow(Dag.make(names, needs))
  const steps = names.map((name, at) => ({
    name,
    kind: kinds[at] ?? "task",
    over: [],
    within: (needs[at] ?? []).flatMap((from) =>
      kinds[from] === "branch" ? [{ branch: names[from]!, arm: at % 2 === 0 ? "yes" : "no" }] : []
    ),
    boxes: boxes[at] ?? []
  }))
  return { id, dag, steps, version: "0" } as unknown as Pipeline.Any
}

const KINDS: ReadonlyArray<Kind> = ["task", "task", "map", "filter", "reduce", "branch"]

/** Each step may need any steps before it, and may be in any box. */
export const pipelines: fc.Arbitrary<Pipeline.Any> = fc
  .uniqueArray(Name, { minLength: 1, maxLength: 14 })
  .chain((names) =>
    fc.tuple(
      fc.constant(names),
      fc.tuple(
        ...names.map((_, at) => (at === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat(at - 1), { maxLength: 3 })))
      ),
      fc.array(
        fc.array(fc.nat(2), { maxLength: 3 }).map((path) =>
          path.map(
            (_, depth): Box => ({
              kind: depth % 2 === 0 ? "pipeline" : "group",
              name: `box ${path.slice(0, depth + 1).join(".")} <&>"`
            })
          )
        ),
        { minLength: names.length, maxLength: names.length }
      ),
      fc.array(fc.constantFrom(...KINDS), { minLength: names.length, maxLength: names.length }),
      Name
    )
  )
  .map(([names, needs, boxes, kinds, id]) => pipelineOf(names, needs, boxes, kinds, id))
