/** Starts a run: the pipeline's parameters, and options that few runs need. */
import type { JSX } from "preact"
import { useId } from "preact/hooks"
import type { PipelineDetail } from "../../../http/pipelines/PipelineWire.ts"
import type { RunDetail, Started } from "../../../http/runs/RunWire.ts"
import { ClientError, path, sendJson } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Complaint, messagesAt, numberOf } from "../form/Field.tsx"
import { type Draft, draftOf, isReady, ParametersForm } from "../form/ParametersForm.tsx"
import { own, type Schema } from "../form/Shape.ts"
import { SelectField, TextField } from "../form/TextField.tsx"
import { useAct } from "../parts/Action.tsx"
import { Icon } from "../parts/Icon.tsx"
import { Loading, Problem } from "../parts/Problem.tsx"
import { go, href } from "../Router.ts"

/** Options as they were typed. */
const NO_OPTIONS = { priority: "", delay: "", run_timeout: "", on_failure: "", targets: "" }

type Options = typeof NO_OPTIONS

const NUMBERS = [
  ["priority", "Priority (−100 to 100)"],
  ["delay", "Starts in (seconds)"],
  ["run_timeout", "Timeout (seconds)"]
] as const

const POLICIES = {
  "": "As the pipeline says",
  "fail-fast": "Stop at once (fail-fast)",
  continue: "Go on with other steps (continue)",
  skip: "Skip what depends on it (skip)"
}

/** What the user has entered so far, kept while other tabs are shown. `like`: the run that it began with. */
export interface RunDraft {
  readonly like: string | undefined
  readonly parameters: Draft
  readonly options: Options
}

interface Props<Kept> {
  readonly pipeline: PipelineDetail
  readonly draft: Kept
  readonly change: (draft: RunDraft) => void
}

export const RunForm = ({
  pipeline,
  like,
  draft,
  change
}: Props<RunDraft | undefined> & {
  /** The run whose parameters it begins with. */
  readonly like: string | undefined
}): JSX.Element => {
  const isKept = draft !== undefined && draft.like === like
  const run = useResource<RunDetail>(like === undefined || isKept ? undefined : path`/runs/${like}`)
  if (like !== undefined && !isKept && run.data === undefined && run.error === undefined) return <Loading />
  const begun = { like, parameters: draftOf(pipeline.parameters as Schema, run.data?.parameters), options: NO_OPTIONS }
  return (
    <>
      {run.error !== undefined && <Problem error={run.error} retry={run.reload} />}
      <Fields pipeline={pipeline} draft={isKept ? draft : begun} change={change} />
    </>
  )
}

const Fields = ({ pipeline, draft, change }: Props<RunDraft>): JSX.Element => {
  const id = useId()
  const { parameters, options, like } = draft
  const schema = pipeline.parameters as Schema
  const { isBusy, error, run } = useAct(async () => {
    const targets = options.targets.split("\n").filter((step) => step.trim() !== "")
    const { task_id } = await sendJson<Started>(path`/pipelines/${pipeline.pipeline_id}/execute`, {
      method: "POST",
      // Undefined keys are left out of the JSON.
      body: {
        parameters: parameters.values,
        ...Object.fromEntries(NUMBERS.map(([name]) => [name, numberOf(options[name])])),
        on_failure: options.on_failure || undefined,
        targets: targets.length === 0 ? undefined : targets
      }
    })
    go(href(["runs", task_id]))
  })
  const details = error instanceof ClientError ? error.details : []
  const ready = isReady(parameters)
  const set = (more: Partial<Options>): void => change({ ...draft, options: { ...options, ...more } })
  return (
    <form
      class="card run-form"
      aria-label="Start a run"
      onSubmit={(event) => {
        event.preventDefault()
        if (ready) run()
      }}
    >
      {like !== undefined && (
        <p class="note">
          With the parameters of
          <a href={href(["runs", like])}>
            <code>{like}</code>
          </a>
          <a href={href(["pipelines", pipeline.pipeline_id], { tab: "run" })}>Begin anew</a>
        </p>
      )}
      {Object.keys(own(schema, "properties") ?? {}).length > 0 ? (
        <ParametersForm
          schema={schema}
          draft={parameters}
          details={details}
          change={(next) => change({ ...draft, parameters: next })}
        />
      ) : (
        <p>The pipeline has no parameters.</p>
      )}
      <details open={Object.keys(options).some((name) => messagesAt(details, name).length > 0)}>
        <summary>Options</summary>
        <div class="option-row">
          {NUMBERS.map(([name, label]) => (
            <TextField
              key={name}
              isNumber
              label={label}
              value={options[name]}
              messages={messagesAt(details, name)}
              change={(text) => set({ [name]: text })}
            />
          ))}
          <SelectField
            label="On failure"
            choices={POLICIES}
            value={options.on_failure}
            change={(on_failure) => set({ on_failure })}
          />
        </div>
        <div class="given">
          <label for={id}>
            Only these steps <small>one a line; they run with those that they depend on</small>
          </label>
          <textarea
            id={id}
            rows={2}
            spellcheck={false}
            value={options.targets}
            onInput={(event) => set({ targets: event.currentTarget.value })}
          />
          <Complaint messages={messagesAt(details, "targets")} />
        </div>
      </details>
      {error !== undefined && <Problem error={error} />}
      <footer>
        <button type="submit" class="primary" disabled={isBusy || !ready}>
          <Icon name="running" /> {isBusy ? "Starting…" : "Start a run"}
        </button>
        {pipeline.paused && <p class="faint">The pipeline is paused: the run waits until it is resumed.</p>}
      </footer>
    </form>
  )
}
