/** Asks before a run, or one step of it, is cancelled. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { path, sendJson } from "../data/Connection.ts"
import { Confirm } from "../parts/Action.tsx"
import type { Outline } from "./Outline.ts"

/** Cancels a run, or one step of it. */
export const CancelDialog = ({
  run,
  step,
  close
}: {
  readonly run: Outline
  readonly step?: string
  readonly close: () => void
}): JSX.Element => {
  const [reason, setReason] = useState("")
  const what = step === undefined ? "the run" : `the step ${step}`
  return (
    <Confirm
      title={`Cancel ${what}`}
      verb={`Cancel ${step === undefined ? "the run" : "the step"}`}
      isDangerous
      close={close}
      act={async () => {
        await sendJson(path`/runs/${run.task_id}/cancel`, {
          method: "POST",
          body: { ...(reason.trim() !== "" && { reason: reason.trim() }), ...(step !== undefined && { step }) }
        })
      }}
    >
      <p>
        {step === undefined
          ? "Running steps are interrupted wherever they run. The run ends as cancelled."
          : "The step is interrupted and ends as cancelled. The run goes on as after a failure of the step."}
      </p>
      <label class="field">
        Reason (optional)
        <input maxLength={1_000} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
    </Confirm>
  )
}
