/** Declares pipelines from a list of tasks or steps, which are wired by the names of their values or in sequence. */
import * as Result from "effect/Result"
import type * as Task from "../task/Task.ts"
import { MissingProducer, type PipelineError } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import { fromSteps, invalidDeclaration } from "./Assembly.ts"
import type { Kind, Options, Pipeline } from "./Pipeline.ts"
import * as Step from "./Step.ts"
import type * as Wiring from "./Wiring.ts"

/**
 * Declares a dataflow pipeline: an input binds to the output with the same name. An input that no step produces is a
 * parameter.
 *
 * A mistake in the wiring is a compile error, which names the task and the key. Throws a `PipelineError` for mistakes that
 * the compiler can't find; `fromTasks` returns it instead.
 */
export const make = <const Id extends string, const Ts extends Wiring.Tasks>(
  id: Id,
  tasks: Ts & Wiring.Check<Ts>,
  options?: Options
): Pipeline<
  Id,
  Wiring.Parameters<Ts>,
  Wiring.Result<Wiring.Outputs<Ts>>,
  Wiring.ErrorOf<Ts>,
  Wiring.RequirementsOf<Ts>,
  Wiring.Outputs<Ts>
> => Result.getOrThrowWith(fromTasks(id, "dataflow", tasks, options), (error) => error) as never

/** Builds a pipeline from a list of tasks that is known only at run time. Fails with the `PipelineError`. */
export const fromTasks = <const Ts extends Wiring.Tasks>(
  id: string,
  kind: Kind,
  tasks: Ts,
  options?: Options
): Result.Result<
  Pipeline<string, Readonly<Record<string, unknown>>, unknown, Wiring.ErrorOf<Ts>, Wiring.RequirementsOf<Ts>>,
  PipelineError
> => {
  const mistake =
    invalidDeclaration(id, options) ??
    OptionCheck.required(OptionCheck.among, `kind of pipeline '${id}'`, kind, ["dataflow", "sequential"]) ??
    Step.invalidEntries(`tasks of pipeline '${id}'`, tasks)
  if (mistake !== undefined) return Result.fail(mistake)
  return (
    kind === "dataflow"
      ? fromSteps(id, kind, tasks.flatMap(Step.stepsOf), options)
      : Result.flatMap(sequence(id, tasks as ReadonlyArray<Task.Any>), (steps) => fromSteps(id, kind, steps, options))
  ) as never
}

/**
 * Names the values of a sequence so that each step takes the outputs of the step before it: the outputs with the names of
 * its inputs; if there are none, its only input takes their only output.
 */
const sequence = (
  id: string,
  tasks: ReadonlyArray<Task.Any>
): Result.Result<ReadonlyArray<Step.Step>, MissingProducer> => {
  const steps: Array<Step.Step> = []
  const uses = new Map<string, number>()
  for (const task of tasks) {
    const count = (uses.get(task.name) ?? 0) + 1
    uses.set(task.name, count)
    const name = count === 1 ? task.name : `${task.name}#${count}`
    const before = steps.at(-1)
    const inputs = Object.keys(task.input)
    const taken = new Map<string, string>()
    if (before !== undefined) {
      for (const output of before.outputs) if (inputs.includes(output.key)) taken.set(output.key, output.value)
      if (taken.size === 0 && before.outputs.length === 1 && inputs.length === 1) {
        taken.set(inputs[0]!, before.outputs[0]!.value)
      }
      if (taken.size === 0) {
        const outputs = before.outputs.map((output) => `'${output.key}'`).join(", ") || "none"
        return Result.fail(
          new MissingProducer(
            id,
            name,
            `takes no output of the step before it, '${before.name}', whose outputs are ${outputs}`
          )
        )
      }
    }
    steps.push(
      Step.fromTask(
        task,
        name,
        (key) => taken.get(key) ?? key,
        (key) => `${name}.${key}`
      )
    )
  }
  return Result.succeed(steps)
}
