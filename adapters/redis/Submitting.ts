/** How runs get to Redis: with their plan, where nobody has brought it yet. */
import * as Effect from "effect/Effect"
import type { StoreUnavailable } from "../../core/Errors.ts"
import { IDEMPOTENCY_MILLIS } from "../../core/Keys.ts"
import type { NewRun } from "../../core/NewRun.ts"
import * as Version from "../../core/Version.ts"
import type { ScriptName } from "./LuaCommands.ts"
import * as PlanCode from "./PlanCode.ts"
import { valuesOf, writeRun } from "./RunCode.ts"
import type { Argument, Scripts } from "./Scripts.ts"

/** Writes runs down for the scripts that record them. */
export class Submitting {
  readonly #scripts: Scripts
  readonly #maxUnfinished: number
  readonly #newId: () => string

  constructor(scripts: Scripts, maxUnfinished: number, id: () => string) {
    this.#scripts = scripts
    this.#maxUnfinished = maxUnfinished
    this.#newId = id
  }

  /** Adds a run to the arguments of a script. */
  write(args: Array<Argument>, run: NewRun): void {
    const { pipelineId, version, plan, onFailure, priority, delayMillis, timeoutMillis, limits, given, schedule } = run
    const { digest, left } = PlanCode.write(plan)
    const id = this.#newId()
    const names = given === undefined ? [] : Object.keys(given)
    const values = valuesOf(run)
    args.push(
      id,
      pipelineId,
      `${priority ?? 0}|${Version.key(pipelineId, version)}`,
      digest,
      left,
      onFailure ?? "fail-fast",
      Math.ceil(delayMillis ?? 0),
      timeoutMillis === undefined ? "" : Math.ceil(timeoutMillis),
      limits === undefined || limits.length === 0 ? "" : JSON.stringify(limits),
      names.length === 0 ? "" : JSON.stringify(Object.fromEntries(names.map((name) => [name, 1]))),
      schedule?.id ?? "",
      run.idempotency?.key ?? "",
      run.idempotency?.fingerprint ?? "",
      IDEMPOTENCY_MILLIS,
      this.#maxUnfinished,
      writeRun(run, id),
      values.length / 2
    )
    for (const text of values) args.push(text)
  }

  /** Runs a script that records runs; brings their plans and runs it again when it lacks one. */
  withPlans(
    script: ScriptName,
    args: ReadonlyArray<Argument>,
    runs: ReadonlyArray<NewRun>
  ): Effect.Effect<ReadonlyArray<string>, StoreUnavailable> {
    const call = this.#scripts.run<ReadonlyArray<string>>(script, args)
    return Effect.flatMap(call, (answer) => {
      if (answer[0] !== "PLAN") return Effect.succeed(answer)
      const bring = Effect.forEach(
        new Set(runs.map(({ plan }) => PlanCode.write(plan))),
        ({ digest, fields }) => this.#scripts.run("plan", [digest, ...fields]),
        { discard: true }
      )
      return Effect.andThen(bring, call)
    })
  }
}
