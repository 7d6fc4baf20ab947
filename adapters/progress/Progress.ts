/** Shows the progress of a run in a terminal, or as lines where there is none. */
import type { Event } from "../../core/run/Event.ts"
import * as Run from "../../core/run/Run.ts"
import * as Cells from "./Cells.ts"
import * as Frame from "./Frame.ts"
import { Lines } from "./Lines.ts"
import * as Screen from "./Screen.ts"

export type { Size } from "./Frame.ts"
export type { Output } from "./Screen.ts"

/** What is needed to follow a run: a Levada has both. */
export interface Source {
  readonly run: (runId: string) => Promise<Run.Run>
  readonly watch: (runId: string, after?: number) => AsyncIterable<Event>
}

/** Options of `show`. */
export interface Options {
  /**
   * Where the progress is written. Default: `process.stderr`, so that the program's own output stays apart.
   */
  readonly to?: Screen.Output
}

/**
 * Shows a run until it has finished. Resolves to the finished run, also when it failed or was cancelled.
 *
 * In a terminal: a line for each step with status, attempts and duration, a bar for maps and for tasks that report
 * progress, and a line for the run, drawn in place at most 10 times a second. They fit into the terminal: where there are more steps than rows,
 * failed and running ones come first. Write nothing else to the terminal meanwhile. Several runs may be shown at once.
 *
 * Where there is no terminal, or `NO_COLOR` or `CI` is set, or `TERM` is `dumb`: a line for each change, and for every
 * 10 % of progress.
 *
 * Rejects with the failures of `run` and `watch`, such as `RunNotFound`.
 */
export const show = async (levada: Source, runId: string, { to = process.stderr }: Options = {}): Promise<Run.Run> => {
  const run = await levada.run(runId)
  return isLive(to) ? draw(levada, run, to) : print(levada, run, to)
}

/** The line with which the progress of a run ends: status, steps, duration, and why it failed or was cancelled. */
export const summary = (run: Run.Run): string => Cells.unpainted(Frame.summary(run, Date.now()))

/**
 * The lines that a terminal of this size shows of a run, without colours: at most `rows` lines of at most `columns` columns.
 * `nowMillis`, in milliseconds since 1970, is the end of durations that go on; default: now.
 */
export const lines = (run: Run.Run, size: Frame.Size, nowMillis: number = Date.now()): ReadonlyArray<string> =>
  Frame.make(run, size, nowMillis).map(Cells.unpainted)

const isLive = ({ isTTY }: Screen.Output): boolean =>
  isTTY === true && !isSet("NO_COLOR") && !isSet("CI") && variable("TERM") !== "dumb"

const isSet = (name: string): boolean => !["", undefined].includes(variable(name))

/** Deno may forbid a program to read its environment. */
const variable = (name: string): string | undefined => {
  try {
    return process.env[name]
  } catch {
    return undefined
  }
}

const draw = async (levada: Source, first: Run.Run, to: Screen.Output): Promise<Run.Run> => {
  let run = withoutValues(first)
  let news: Array<Event> = []
  const screen = Screen.open(to, (size) => {
    if (news.length > 0) run = Run.fold(run, news)
    news = []
    return Frame.make(run, size, nowFor(run))
  })
  let last: string | undefined
  try {
    if (!Run.isTerminal(run.status)) {
      for await (const event of levada.watch(run.id, run.sequence)) {
        news.push(event.type === "StepCompleted" ? { ...event, outputs: {} } : event)
        screen.changed()
      }
    }
    const finished = await levada.run(run.id)
    last = finalText(finished, Screen.sizeOf(to))
    return finished
  } finally {
    screen.close(last ?? finalText(Run.fold(run, news), Screen.sizeOf(to)))
  }
}

/** The Store's clock may be ahead of this one. */
const nowFor = ({ startedAtMillis }: Run.Run): number => Math.max(Date.now(), startedAtMillis ?? 0)

/** Values are not shown, so they need not be kept. */
const withoutValues = (run: Run.Run): Run.Run => ({ ...run, parameters: {}, outputs: {} })

/** What stays on the terminal. The last line may be wrapped, because nothing is drawn over it. */
const finalText = (run: Run.Run, { columns, rows }: Frame.Size): string => {
  const now = nowFor(run)
  const size = { columns: Math.max(1, columns - 1), rows: Math.max(1, rows - 1) }
  const steps = Frame.make(run, size, now).slice(0, -1)
  return [...steps, Frame.summary(run, now)].map((line) => `${Cells.painted(line)}\n`).join("")
}

const print = async (levada: Source, { id }: Run.Run, to: Screen.Output): Promise<Run.Run> => {
  const lines = new Lines()
  for await (const event of levada.watch(id)) {
    const line = lines.take(event)
    if (line !== undefined) to.write(`${line}\n`)
  }
  const finished = await levada.run(id)
  to.write(`${summary(finished)}\n`)
  return finished
}
