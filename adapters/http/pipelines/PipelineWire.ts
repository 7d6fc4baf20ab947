/** The JSON types of pipelines, and their conversion from the core's values. */
import * as Option from "effect/Option"
import { edges, levels } from "../../../core/pipeline/Dag.ts"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import type { Step } from "../../../core/pipeline/Step.ts"
import type { Registered } from "../../../core/registry/Registry.ts"
import type { RunStatus, Summary } from "../../../core/run/Run.ts"
import { instant } from "../server/Instant.ts"
import { parametersSchema, resultSchema } from "./ParametersSchema.ts"

/** A row of `GET /pipelines`. */
export interface PipelineRow {
  readonly pipeline_id: string
  readonly pipeline_type: "dataflow" | "sequential"
  readonly tasks: ReadonlyArray<string>
  readonly created_at: string
}

/** Converts a pipeline to a row. */
export const pipelineRow = ({ pipeline, createdAtMillis }: Registered): PipelineRow => ({
  pipeline_id: pipeline.id,
  pipeline_type: pipeline.kind,
  tasks: pipeline.dag.names,
  created_at: instant(createdAtMillis)
})

/** `GET /pipelines/{id}`. */
export interface PipelineDetail extends PipelineRow {
  readonly version: string
  /** A paused pipeline starts no step until it is resumed. */
  readonly paused: boolean
  /** JSON Schema of a run's parameters. */
  readonly parameters: object
  /** JSON Schema of a run's result. */
  readonly result: object
}

/** Converts a pipeline, with the JSON Schemas of its parameters and its result. */
export const pipelineDetail = (registered: Registered, paused: boolean): PipelineDetail => {
  const { pipeline } = registered
  return {
    ...pipelineRow(registered),
    version: pipeline.version,
    paused,
    parameters: parametersSchema(pipeline),
    result: resultSchema(pipeline)
  }
}

/** `POST /pipelines/{id}/pause` and `resume`. */
export interface Paused {
  readonly pipeline_id: string
  readonly paused: boolean
}

/** `GET /pipelines/{id}/status`. */
export interface PipelineStatus {
  readonly pipeline_id: string
  readonly status: RunStatus | "IDLE"
  readonly steps_completed: number
  readonly total_steps: number
  readonly started_at: string | null
  readonly task_id: string | null
}

/** Converts the progress of a pipeline's latest run. */
export const pipelineStatus = (pipeline: Pipeline, latest: Option.Option<Summary>): PipelineStatus => {
  const run = Option.getOrUndefined(latest)
  return {
    pipeline_id: pipeline.id,
    status: run?.status ?? "IDLE",
    steps_completed: run?.stepsCompleted ?? 0,
    total_steps: run?.steps.length ?? pipeline.steps.length,
    started_at: run?.startedAtMillis === undefined ? null : instant(run.startedAtMillis),
    task_id: run?.id ?? null
  }
}

/** `GET /pipelines/{id}/dag`. */
export interface DagJson {
  readonly nodes: ReadonlyArray<{
    readonly id: string
    readonly inputs?: ReadonlyArray<string>
    readonly outputs: ReadonlyArray<string>
  }>
  readonly edges: ReadonlyArray<{ readonly from: string; readonly to: string }>
}

/** The inputs of a step that other steps produce. */
const producedInputs = (pipeline: Pipeline): ((step: Step) => ReadonlyArray<string>) => {
  const parameters = new Set(pipeline.parameters.map(({ name }) => name))
  return (step) => step.inputs.flatMap(({ value }) => (parameters.has(value) ? [] : [value]))
}

const outputsOf = (step: Step): ReadonlyArray<string> => step.outputs.map(({ value }) => value)

/** Converts the graph of a pipeline. */
export const dag = (pipeline: Pipeline): DagJson => {
  const inputsOf = producedInputs(pipeline)
  return {
    nodes: pipeline.steps.map((step) => {
      const inputs = inputsOf(step)
      return { id: step.name, ...(inputs.length > 0 && { inputs }), outputs: outputsOf(step) }
    }),
    edges: edges(pipeline.dag)
  }
}

/** `GET /pipelines/{id}/visualize`. */
export interface Visualization {
  readonly pipeline_id: string
  readonly type: "dataflow" | "sequential"
  readonly tasks: ReadonlyArray<{
    readonly name: string
    readonly outputs: ReadonlyArray<string>
    readonly inputs: ReadonlyArray<string>
    readonly description: string
  }>
  readonly execution_levels: ReadonlyArray<ReadonlyArray<string>>
}

/** Converts a pipeline's tasks and execution levels. */
export const visualization = (pipeline: Pipeline): Visualization => {
  const inputsOf = producedInputs(pipeline)
  return {
    pipeline_id: pipeline.id,
    type: pipeline.kind,
    tasks: pipeline.steps.map((step) => ({
      name: step.name,
      outputs: outputsOf(step),
      inputs: inputsOf(step),
      description: step.task.description ?? ""
    })),
    execution_levels: levels(pipeline.dag)
  }
}
