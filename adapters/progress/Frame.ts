/** A run as the lines that a terminal shows of it. */
import { duration, signOf } from "../../core/render/Words.ts"
import type { Run, RunStatus, StepState, StepStatus } from "../../core/run/Run.ts"
import type { ErrorInfo } from "../../core/values/ErrorInfo.ts"
import * as Cells from "./Cells.ts"

/** Columns and rows of a terminal. */
export interface Size {
  readonly columns: number
  readonly rows: number
}

export const COLOURS: Readonly<Record<StepStatus, Cells.Colour>> = {
  PENDING: "dim",
  RUNNING: "cyan",
  COMPLETED: "green",
  FAILED: "red",
  SKIPPED: "dim",
  CANCELLED: "yellow"
}

/** `1,234`. */
export const grouped = (count: number): string => count.toLocaleString("en-US")

/**
 * A line for each step, then one for the run: at most `rows` lines of at most `columns` columns. Where the steps are more,
 * the failed and the running ones come first, and a line says how many more there are.
 */
export const make = (run: Run, { columns, rows }: Size, nowMillis: number): ReadonlyArray<Cells.Line> => {
  const room = Math.max(0, rows - 1)
  const steps = run.steps.length <= room ? run.steps : urgent(run.steps, room - 1)
  const names = steps.map(({ name }) => Cells.plain(name))
  const nameColumns = Math.min(Math.floor(columns * 0.4), Math.max(0, ...names.map(Cells.cells)))
  const lines = steps.map((step, at) => stepLine(step, Cells.column(names[at]!, nameColumns), columns, nowMillis))
  if (steps.length < run.steps.length && room > 0) lines.push(rest(run.steps, steps))
  return [...lines, summary(run, nowMillis)].slice(-rows).map((line) => Cells.fit(line, columns))
}

/** What comes first, where not all steps have room. */
const ORDER: ReadonlyArray<StepStatus> = ["FAILED", "RUNNING", "CANCELLED", "PENDING", "COMPLETED", "SKIPPED"]

/** A step that waits for its next attempt is about as worth seeing as one that runs. */
const statusOf = ({ status, attempts }: StepState): StepStatus =>
  status === "PENDING" && attempts > 0 ? "RUNNING" : status

const urgent = (steps: ReadonlyArray<StepState>, count: number): ReadonlyArray<StepState> => {
  const by = Map.groupBy(steps, statusOf)
  const [failed = [], running = []] = [by.get("FAILED"), by.get("RUNNING")]
  // The failed ones leave half of the room to those that run.
  const shownFailed = failed.slice(0, Math.max(Math.ceil(count / 2), count - running.length))
  const others = ORDER.slice(1).flatMap((status) => by.get(status) ?? [])
  return [...shownFailed, ...others].slice(0, Math.max(0, count))
}

/** `… and 4,980 more steps: 12 running, 4,968 pending`. */
const rest = (steps: ReadonlyArray<StepState>, shown: ReadonlyArray<StepState>): Cells.Line => {
  const visible = new Set(shown)
  const hidden = Map.groupBy(
    steps.filter((step) => !visible.has(step)),
    ({ status }) => status
  )
  const counts = ORDER.flatMap((status) => {
    const count = hidden.get(status)?.length ?? 0
    return count === 0 ? [] : [`${grouped(count)} ${status.toLowerCase()}`]
  })
  const more = steps.length - shown.length
  return [{ text: `… and ${grouped(more)} more ${more === 1 ? "step" : "steps"}: ${counts.join(", ")}`, colour: "dim" }]
}

const stepLine = (step: StepState, name: string, columns: number, nowMillis: number): Cells.Line => {
  const { status, attempts, startedAtMillis, completedAtMillis, progress, itemsFailed, memoised, retryAtMillis } = step
  const colour = COLOURS[status]
  const isOver = progress !== undefined && progress.done === progress.total && status === "COMPLETED"
  const took = startedAtMillis === undefined ? undefined : (completedAtMillis ?? nowMillis) - startedAtMillis
  const details = [
    ...(progress === undefined ? [] : [`${grouped(progress.done)} of ${grouped(progress.total)}`]),
    ...(itemsFailed === 0 ? [] : [`${grouped(itemsFailed)} failed`]),
    ...(memoised ? ["memoised"] : []),
    ...(attempts > 1 ? [`attempt ${attempts}`] : []),
    ...(retryAtMillis === undefined
      ? []
      : [`attempt ${attempts + 1} in ${duration(Math.max(0, retryAtMillis - nowMillis))}`]),
    ...(took === undefined ? [] : [duration(Math.max(0, took))]),
    ...(step.error === undefined ? [] : [(status === "FAILED" ? "" : "last error: ") + why(step.error)]),
    ...(status === "SKIPPED" && step.reason !== undefined ? [Cells.plain(step.reason)] : [])
  ].join(" · ")
  return [
    { text: signOf(status), colour },
    { text: ` ${name} ` },
    { text: status.toLowerCase(), colour },
    ...(progress === undefined || isOver || columns < BAR_FROM ? [] : [{ text: ` ${bar(progress, columns)}` }]),
    ...(details === "" ? [] : [{ text: ` · ${details}` }])
  ]
}

/** A narrower terminal has no bars. */
const BAR_FROM = 40

/** A bar of 5 to 24 columns. */
const bar = ({ done, total }: { readonly done: number; readonly total: number }, columns: number): string => {
  const length = Math.min(24, Math.floor(columns / 8))
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0
  const full = Math.floor(share * length)
  return "█".repeat(full) + "░".repeat(length - full)
}

const RUN_COLOURS: Readonly<Record<RunStatus, Cells.Colour>> = COLOURS

/** The line of the run: status, steps, duration; the failed step and its message, or why it was cancelled. */
export const summary = (run: Run, nowMillis: number): Cells.Line => {
  const { status, startedAtMillis, completedAtMillis } = run
  const colour = RUN_COLOURS[status]
  const took = startedAtMillis === undefined ? undefined : (completedAtMillis ?? nowMillis) - startedAtMillis
  const steps = `${grouped(run.stepsCompleted)} of ${grouped(run.steps.length)} steps`
  const details = [
    steps,
    ...(took === undefined ? [] : [duration(Math.max(0, took))]),
    ...(run.error === undefined ? [] : [inFull(run.error)]),
    ...(run.reason === undefined ? [] : [Cells.plain(run.reason)])
  ].join(" · ")
  return [
    { text: signOf(status), colour },
    { text: ` ${Cells.plain(run.pipelineId)} ` },
    { text: status.toLowerCase(), colour },
    { text: ` · ${details}` }
  ]
}

/** The message of an error of a step; without its name where a task raised it, because the line has it already. */
export const why = ({ name, message, item, cause }: ErrorInfo): string => {
  const text = name === "TaskFailed" && cause !== undefined ? cause.message : message
  return Cells.plain(item === undefined || text.includes(`item ${item}`) ? text : `item ${item}: ${text}`)
}

/** The message of an error of a run, with the name of the step. */
const inFull = ({ message, step }: ErrorInfo): string =>
  Cells.plain(step === undefined || message.includes(`'${step}'`) ? message : `step '${step}': ${message}`)
