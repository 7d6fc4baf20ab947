/** A pipeline of a trial, and what its runs come to. */
import * as Result from "effect/Result"
import { Pipeline, type Run, type Step, type Task } from "../../adapters/promise/index.ts"

/** A pipeline with the parameter `seed`. */
export type Seeded = Pipeline.Pipeline<string, { readonly seed: number }, unknown, never, never>

/** A pipeline, and what its runs come to. */
export interface Case {
  readonly pipeline: Seeded
  /** What a run with this seed records, by name: each of them where its step completed, all when nobody interferes. */
  readonly values: (seed: number) => Readonly<Record<string, unknown>>
  /** How a run ends when nobody interferes. */
  readonly ends: Run.RunStatus
  /** Which steps fail, and the names of their errors. */
  readonly errors?: Readonly<Record<string, string>>
  /** At most so many runs of it are under way at once. */
  readonly maxRuns?: number
  /** How often it is run, compared with others. Default: 10. */
  readonly weight?: number
  /** Whether its runs go before all others: they can't wait for as long as a backlog does. */
  readonly isUrgent?: boolean
  /** Parameters besides the seed. */
  readonly parameters?: (seed: number) => Readonly<Record<string, unknown>>
  /** Steps that Levada itself carries out, so that no ledger knows of them. */
  readonly unrecorded?: ReadonlyArray<string>
}

/** A pipeline of these steps. */
export const build = (id: string, steps: ReadonlyArray<Task.Any | Step.Any>, options: Pipeline.Options = {}): Seeded =>
  Result.getOrThrow(Pipeline.fromTasks(id, "dataflow", steps as never, options)) as Seeded
