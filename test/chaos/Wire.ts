/** What the driver and its processes say to each other. */
import type { Start } from "../../adapters/promise/index.ts"

/** What a server is asked. */
export type Asked =
  | {
      readonly is: "start"
      readonly pipeline: string
      readonly parameters: Parameters
      readonly options: Start.Options
    }
  | { readonly is: "cancel"; readonly run: string; readonly step: string | undefined }
  | { readonly is: "start many"; readonly runs: ReadonlyArray<{ readonly pipeline: string; readonly seed: number }> }
  | { readonly is: "cancel many"; readonly runs: ReadonlyArray<string> }
  /** Pauses or resumes a pipeline. */
  | { readonly is: "pause"; readonly pipeline: string; readonly paused: boolean }
  /** Pauses every schedule. */
  | { readonly is: "end schedules" }

/** Parameters of a run. */
export type Parameters = Readonly<Record<string, unknown>> & { readonly seed: number }

/** What it answers. */
export type Answer =
  | { readonly is: "ready"; readonly url?: string }
  | { readonly is: "done"; readonly id: number; readonly run: string }
  | { readonly is: "refused"; readonly id: number; readonly why: string }
  /** The ids of the runs that were asked for, in their order; null where it could not be done now. */
  | { readonly is: "many"; readonly id: number; readonly runs: ReadonlyArray<string | null> }

/** What every process is told about its wall clock. */
export interface ClockSet {
  readonly is: "clock"
  readonly offMillis: number
}
