/** One step of a run: its error or reason, its attempts, its items, and its acts. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { AttemptsJson } from "../../../http/runs/RunPartWire.ts"
import { useCaller } from "../data/Caller.ts"
import { useResource } from "../data/Resource.ts"
import { Loaded } from "../parts/Problem.tsx"
import { Status } from "../parts/Status.tsx"
import { Duration, durationText, Time, useNow } from "../parts/Time.tsx"
import { href } from "../Router.ts"
import { attemptsPath } from "./Attempts.ts"
import { Bar } from "./Bar.tsx"
import { CancelDialog } from "./CancelDialog.tsx"
import { ErrorChain } from "./FailurePanel.tsx"
import { ItemTable } from "./ItemTable.tsx"
import { type Outline, type StepDetail, timesOf } from "./Outline.ts"
import { scaleOf } from "./TimeScale.ts"

export const StepPanel = ({ run, step }: { readonly run: Outline; readonly step: StepDetail }): JSX.Element => {
  const { may } = useCaller()
  const [isCancelling, setCancelling] = useState(false)
  const isOver = step.status !== "RUNNING" && step.status !== "PENDING"
  // Only steps with items count items or report progress.
  const hasItems = step.progress !== null || step.items_failed > 0 || step.memoised_items > 0
  const outputs = run.values.filter((value) => value.step === step.name)
  return (
    <div class="step-panel">
      {step.error !== null && step.error.message !== run.error?.cause?.message && <ErrorChain error={step.error} />}
      {step.reason !== null && <p>{step.reason}</p>}
      {step.retry_at !== null && (
        <p>
          The next attempt begins at <Time at={step.retry_at} />.
        </p>
      )}
      {step.attempts > 0 && <AttemptTable run={run} step={step} />}
      {hasItems && <ItemTable run={run} step={step} />}
      <p class="links">
        <a href={href(["runs", run.task_id], { tab: "log", step: step.name })}>Log of the step</a>
        {outputs.length > 0 && (
          <a href={href(["runs", run.task_id], { tab: "values" })}>
            {outputs.length === 1 ? `Output ${outputs[0]!.name}` : `${outputs.length} outputs`}
          </a>
        )}
        {!isOver && may("execute", run.pipeline_id) && (
          <button type="button" class="danger" onClick={() => setCancelling(true)}>
            Cancel this step…
          </button>
        )}
      </p>
      {isCancelling && <CancelDialog run={run} step={step.name} close={() => setCancelling(false)} />}
    </div>
  )
}

const AttemptTable = ({ run, step }: { readonly run: Outline; readonly step: StepDetail }): JSX.Element => {
  const attempts = useResource<AttemptsJson>(
    attemptsPath(run, step),
    ({ task_id, step_name }) => task_id === run.task_id && step_name === step.name
  )
  const now = useNow(step.status === "RUNNING")
  return (
    <Loaded of={attempts}>
      {({ attempts, next_cursor }) => {
        // Failures of items have a table of their own.
        const rows = attempts.filter(({ item }) => item === null)
        const times = rows.map((row) => timesOf(row, now))
        const scale = scaleOf(times.filter((one) => one !== undefined))
        return (
          <table class="inner attempts">
            <caption>Attempts</caption>
            <thead>
              <tr>
                <th>Attempt</th>
                <th>Status</th>
                <th>Started</th>
                <th class="end">Duration</th>
                <th>Worker</th>
                <th class="timeline">
                  {scale.cuts.map(({ at, millis }) => (
                    <small key={at}>⋯ {durationText(millis)} between</small>
                  ))}
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row, at) => (
                <tr key={at}>
                  <td class="number">{row.attempt}</td>
                  <td>
                    <Status status={row.status} />
                  </td>
                  <td>
                    <Time at={row.started_at} />
                  </td>
                  <td class="end">
                    <Duration from={row.started_at} millis={row.duration_ms} isRunning={row.status === "RUNNING"} />
                  </td>
                  <td>
                    <code class="clipped">{row.worker ?? "–"}</code>
                  </td>
                  <td class="timeline">
                    <div class="lane">
                      <Bar scale={scale} times={times[at]} status={row.status} label={row.status} />
                    </div>
                    {row.error !== null && (
                      <span class="clipped" title={row.error.message}>
                        {row.error.error}: {row.error.message}
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
            {next_cursor !== null && (
              <tfoot>
                <tr>
                  <td colSpan={6} class="faint">
                    There are more attempts than these {rows.length}.
                  </td>
                </tr>
              </tfoot>
            )}
          </table>
        )
      }}
    </Loaded>
  )
}
