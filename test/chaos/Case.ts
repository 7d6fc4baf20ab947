/** A pipeline of a trial, and the expected results of its runs. */
import * as Result from "effect/Result"
import { Pipeline, type Run, type Step, type Task } from "../../adapters/promise/index.ts"

/** A pipeline with the parameter `seed`. */
export type Seeded = Pipeline.Pipeline<string, { readonly seed: number }, unknown, never, never>

/** A pipeline, and the expected results of its runs. */
export interface Case {
  readonly pipeline: Seeded
  /**
   * The values that a run with this seed records, by name. Each is present if its step completed; without interference
   * all are present.
   */
  readonly values: (seed: number) => Readonly<Record<string, unknown>>
  /** The status of a run without interference. */
  readonly ends: Run.RunStatus
  /** The steps that fail, and the names of their errors. */
  readonly errors?: Readonly<Record<string, string>>
  /** The pipeline's limit of runs. */
  readonly maxRuns?: number
  /** How often it is run, relative to others. Default: 10. */
  readonly weight?: number
  /** Whether its runs take precedence: they can't wait as long as a backlog does. */
  readonly isUrgent?: boolean
  /** Parameters besides the seed. */
  readonly parameters?: (seed: number) => Readonly<Record<string, unknown>>
  /** Steps without a task of their own, which are in no ledger. */
  readonly unrecorded?: ReadonlyArray<string>
}

/** A pipeline of these steps. */
export const build = (id: string, steps: ReadonlyArray<Task.Any | Step.Any>, options: Pipeline.Options = {}): Seeded =>
  Result.getOrThrow(Pipeline.fromTasks(id, "dataflow", steps as never, options)) as Seeded
