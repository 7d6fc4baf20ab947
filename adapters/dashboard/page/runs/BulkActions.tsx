/** Retries or cancels many runs: the selected ones, or all that match the filter. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { RunRow } from "../../../http/runs/RunWire.ts"
import { sendJson } from "../data/Connection.ts"
import { useAct } from "../parts/Action.tsx"
import { Dialog } from "../parts/Dialog.tsx"
import { Problem } from "../parts/Problem.tsx"
import { href } from "../Router.ts"
import { type Filter, statusesOf, toApi, wordsOf } from "./Filter.ts"

/** The answer of `POST /runs/retry` and `/runs/cancel`. */
interface Answer {
  readonly results: ReadonlyArray<{
    readonly task_id: string
    readonly error?: string
    readonly message?: string
    readonly new_task_id?: string
  }>
  readonly next_cursor: string | null
}

type Verb = "retry" | "cancel"

/** Which runs an act is for. */
type Wanted = { readonly ids: ReadonlyArray<string> } | { readonly filter: Filter }

const isFinished = ({ status }: RunRow): boolean => status !== "PENDING" && status !== "RUNNING"

export const BulkActions = ({
  filter,
  selected,
  clear,
  done
}: {
  readonly filter: Filter
  readonly selected: ReadonlyArray<RunRow>
  readonly clear: () => void
  readonly done: () => void
}): JSX.Element | null => {
  const [asked, setAsked] = useState<{ readonly verb: Verb; readonly of: Wanted; readonly total?: number }>()
  const ask = (verb: Verb, rows: ReadonlyArray<RunRow>): void =>
    setAsked({ verb, of: { ids: rows.map(({ task_id }) => task_id) }, total: rows.length })
  const finished = selected.filter(isFinished)
  const unfinished = selected.filter((row) => !isFinished(row))
  const statuses = statusesOf(filter)
  const matches = (...these: ReadonlyArray<string>): boolean =>
    statuses.length > 0 && statuses.every((status) => these.includes(status))
  const canRetryAll = matches("FAILED", "CANCELLED")
  const canCancelAll = matches("PENDING", "RUNNING")
  if (selected.length === 0 && !canRetryAll && !canCancelAll) return null
  return (
    <div class="bulk" role="toolbar" aria-label="Acts on many runs">
      {selected.length > 0 && (
        <>
          <strong>{selected.length} selected</strong>
          <button type="button" disabled={finished.length === 0} onClick={() => ask("retry", finished)}>
            Retry {finished.length}
          </button>
          <button type="button" disabled={unfinished.length === 0} onClick={() => ask("cancel", unfinished)}>
            Cancel {unfinished.length}
          </button>
          <button type="button" class="plain" onClick={clear}>
            Select none
          </button>
        </>
      )}
      {canRetryAll && (
        <button type="button" onClick={() => setAsked({ verb: "retry", of: { filter } })}>
          Retry all that match…
        </button>
      )}
      {canCancelAll && (
        <button type="button" onClick={() => setAsked({ verb: "cancel", of: { filter } })}>
          Cancel all that match…
        </button>
      )}
      {asked !== undefined && (
        <ManyDialog
          {...asked}
          close={() => {
            setAsked(undefined)
            clear()
            done()
          }}
        />
      )}
    </div>
  )
}

/** The most runs that one request names. */
const AT_ONCE = 100

const ManyDialog = ({
  verb,
  of,
  total,
  close
}: {
  readonly verb: Verb
  readonly of: Wanted
  readonly total?: number
  readonly close: () => void
}): JSX.Element => {
  const [results, setResults] = useState<Answer["results"]>()
  const { isBusy, error, run } = useAct(async () => {
    const all: Array<Answer["results"][number]> = []
    setResults(all)
    for await (const answer of answers(verb, of)) {
      all.push(...answer)
      setResults([...all])
    }
  })
  const failures = (results ?? []).filter((result) => result.error !== undefined)
  const isDone = results !== undefined && !isBusy && error === undefined
  const what = "ids" in of ? `${of.ids.length} ${of.ids.length === 1 ? "run" : "runs"}` : wordsOf(of.filter)
  return (
    <Dialog title={verb === "retry" ? "Retry runs" : "Cancel runs"} {...(!isBusy && { close })}>
      <p>
        {verb === "retry"
          ? "Starts a new run for each, which keeps the completed steps and runs the others."
          : "Ends each as cancelled; running steps are interrupted."}{" "}
        For {what}.
      </p>
      {results !== undefined && (
        <div role="status">
          <progress value={results.length} max={total ?? undefined} aria-label="Runs done" />
          <p>
            {results.length - failures.length} {verb === "retry" ? "retried" : "cancelled"}
            {failures.length > 0 && `, ${failures.length} refused`}
            {isDone && ". Done."}
          </p>
        </div>
      )}
      {failures.length > 0 && (
        <ul class="failures">
          {failures.slice(0, 50).map(({ task_id, message }) => (
            <li key={task_id}>
              <a href={href(["runs", task_id])}>
                <code>{task_id}</code>
              </a>
              : {message}
            </li>
          ))}
        </ul>
      )}
      {error !== undefined && <Problem error={error} />}
      <footer>
        <button type="button" onClick={close} disabled={isBusy}>
          Close
        </button>
        {!isDone && (
          <button type="button" class={verb === "cancel" ? "danger" : "primary"} onClick={run} disabled={isBusy}>
            {isBusy ? "Working…" : verb === "retry" ? "Retry" : "Cancel them"}
          </button>
        )}
      </footer>
    </Dialog>
  )
}

/** Sends request after request, and gives the results of each. */
async function* answers(verb: Verb, of: Wanted): AsyncGenerator<Answer["results"], void, undefined> {
  const path = `/runs/${verb}`
  if ("ids" in of) {
    for (let at = 0; at < of.ids.length; at += AT_ONCE) {
      const task_ids = of.ids.slice(at, at + AT_ONCE)
      yield (await sendJson<Answer>(path, { method: "POST", body: { task_ids } })).results
    }
    return
  }
  // Runs that begin after this moment, such as the new ones of a retry, are not meant.
  const fixed = { until: new Date().toISOString(), ...toApi(of.filter, Date.now()) }
  const { min_duration_ms, max_duration_ms, ...texts } = fixed as { readonly [key: string]: string }
  const filter = {
    ...texts,
    ...(min_duration_ms !== undefined && { min_duration_ms: Number(min_duration_ms) }),
    ...(max_duration_ms !== undefined && { max_duration_ms: Number(max_duration_ms) })
  }
  let cursor: string | null = null
  do {
    const body: object = { filter: { ...filter, ...(cursor !== null && { cursor }) }, limit: AT_ONCE }
    const answer: Answer = await sendJson<Answer>(path, { method: "POST", body })
    yield answer.results
    cursor = answer.next_cursor
  } while (cursor !== null)
}
