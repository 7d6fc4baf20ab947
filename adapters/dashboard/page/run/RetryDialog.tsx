/** Retries a run: from the failure by default, or from a chosen step. Says first what will run. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { RetriedSteps } from "../../../http/runs/RunPartWire.ts"
import { path, query, sendJson } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Confirm } from "../parts/Action.tsx"
import { Loaded } from "../parts/Problem.tsx"
import { wordOf } from "../parts/Status.tsx"
import { go, href } from "../Router.ts"
import type { Outline } from "./Outline.ts"

/** Whether a retry has work without a step named for it. */
export const hasFailure = ({ status, steps }: Outline): boolean =>
  status !== "COMPLETED" ||
  steps.some(({ status, items_failed }) => status === "FAILED" || status === "CANCELLED" || items_failed > 0)

/** How many steps the list shows. */
const SHOWN = 100

export const RetryDialog = ({ run, close }: { readonly run: Outline; readonly close: () => void }): JSX.Element => {
  const isFailure = hasFailure(run)
  const [mode, setMode] = useState<"failure" | "step">(isFailure ? "failure" : "step")
  const [step, setStep] = useState(isFailure ? "" : (run.steps[0]?.name ?? ""))
  const isKnown = run.steps.some(({ name }) => name === step)
  const from = mode === "step" ? step : undefined
  const isChosen = mode === "failure" || isKnown
  const planned = useResource<RetriedSteps>(
    isChosen ? `${path`/runs/${run.task_id}/retry`}${query({ from })}` : undefined
  )
  return (
    <Confirm
      title="Retry the run"
      verb="Retry"
      isReady={isChosen && planned.data !== undefined}
      close={close}
      act={async () => {
        const { task_id } = await sendJson<{ readonly task_id: string }>(path`/runs/${run.task_id}/retry`, {
          method: "POST",
          body: { from: from === undefined ? [] : [from] }
        })
        go(href(["runs", task_id]))
      }}
    >
      <p>A new run keeps the outputs of the other completed steps.</p>
      <fieldset class="choices">
        <legend>Where to begin</legend>
        {isFailure && (
          <label>
            <input type="radio" name="from" checked={mode === "failure"} onChange={() => setMode("failure")} />
            From the failure: all that did not complete
          </label>
        )}
        <label>
          <input type="radio" name="from" checked={mode === "step"} onChange={() => setMode("step")} />
          From a step that completed
        </label>
      </fieldset>
      {mode === "step" && (
        <label class="field">
          Step
          <input
            list="completed-steps"
            value={step}
            onInput={(event) => setStep(event.currentTarget.value)}
            spellcheck={false}
          />
          <datalist id="completed-steps">
            {run.steps
              .filter(({ status }) => status === "COMPLETED")
              .slice(0, 500)
              .map(({ name }) => (
                <option key={name} value={name} />
              ))}
          </datalist>
          {step !== "" && !isKnown && <small>The run has no step '{step}'.</small>}
        </label>
      )}
      {isChosen && <Loaded of={planned}>{({ steps }) => <Planned run={run} steps={steps} />}</Loaded>}
    </Confirm>
  )
}

const Planned = ({ run, steps }: { readonly run: Outline; readonly steps: RetriedSteps["steps"] }): JSX.Element => {
  const states = new Map(run.steps.map(({ name, status }) => [name, status]))
  return (
    <section class="planned" aria-live="polite">
      <h3>
        {steps.length} of {run.steps.length} steps will run
      </h3>
      <ul>
        {steps.slice(0, SHOWN).map((name) => (
          <li key={name}>
            <bdi>{name}</bdi> <small class="faint">was {wordOf(states.get(name) ?? "PENDING").toLowerCase()}</small>
          </li>
        ))}
      </ul>
      {steps.length > SHOWN && <p class="faint">… and {steps.length - SHOWN} more</p>}
    </section>
  )
}
