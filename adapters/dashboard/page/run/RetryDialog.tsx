/** Retries a run: from the failure by default, or from chosen steps. Says first what will run. */
import type { JSX } from "preact"
import { useMemo, useState } from "preact/hooks"
import type { DagJson } from "../../../http/pipelines/PipelineWire.ts"
import { path, sendJson } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Confirm } from "../parts/Action.tsx"
import { Loaded } from "../parts/Problem.tsx"
import { wordOf } from "../parts/Status.tsx"
import { go, href } from "../Router.ts"
import type { Outline } from "./Outline.ts"

/** The steps that a retry runs: those that did not complete, those named, and all that depend on one of these. */
export const willRun = (
  steps: ReadonlyArray<{ readonly name: string; readonly status: string }>,
  edges: DagJson["edges"],
  from: ReadonlyArray<string>
): ReadonlySet<string> => {
  const next = new Map<string, Array<string>>()
  for (const edge of edges) {
    const known = next.get(edge.from)
    if (known === undefined) next.set(edge.from, [edge.to])
    else known.push(edge.to)
  }
  const found = new Set([...steps.filter(({ status }) => status !== "COMPLETED").map(({ name }) => name), ...from])
  // A set can grow while it is iterated over.
  for (const name of found) for (const to of next.get(name) ?? []) found.add(to)
  return found
}

/** How many steps the list shows. */
const SHOWN = 100

export const RetryDialog = ({ run, close }: { readonly run: Outline; readonly close: () => void }): JSX.Element => {
  const dag = useResource<DagJson>(path`/pipelines/${run.pipeline_id}/dag`)
  const completed = run.steps.filter(({ status }) => status === "COMPLETED")
  const isFailure = completed.length < run.steps.length
  const [mode, setMode] = useState<"failure" | "step">(isFailure ? "failure" : "step")
  const [step, setStep] = useState(isFailure ? "" : (run.steps[0]?.name ?? ""))
  const from = mode === "failure" || step === "" ? [] : [step]
  const isChosen = mode === "failure" ? isFailure : step !== ""
  return (
    <Confirm
      title="Retry the run"
      verb="Retry"
      isReady={isChosen && dag.data !== undefined}
      close={close}
      act={async () => {
        const { task_id } = await sendJson<{ readonly task_id: string }>(path`/runs/${run.task_id}/retry`, {
          method: "POST",
          body: { from }
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
            From the failure: all steps that did not complete
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
            {completed.slice(0, 500).map(({ name }) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
      )}
      <Loaded of={dag}>{({ edges }) => <Planned run={run} edges={edges} from={from} />}</Loaded>
    </Confirm>
  )
}

const Planned = ({
  run,
  edges,
  from
}: {
  readonly run: Outline
  readonly edges: DagJson["edges"]
  readonly from: ReadonlyArray<string>
}): JSX.Element => {
  const start = from[0]
  const planned = useMemo(() => willRun(run.steps, edges, start === undefined ? [] : [start]), [run, edges, start])
  const steps = run.steps.filter(({ name }) => planned.has(name))
  return (
    <section class="planned" aria-live="polite">
      <h3>
        {steps.length} of {run.steps.length} steps will run
      </h3>
      <ul>
        {steps.slice(0, SHOWN).map(({ name, status }) => (
          <li key={name}>
            <bdi>{name}</bdi> <small class="faint">was {wordOf(status).toLowerCase()}</small>
          </li>
        ))}
      </ul>
      {steps.length > SHOWN && <p class="faint">… and {steps.length - SHOWN} more</p>}
    </section>
  )
}
