/** Starts a run: the pipeline's parameters, and options that few runs need. */
import type { JSX } from "preact"
import { useId, useState } from "preact/hooks"
import type { PipelineDetail } from "../../../http/pipelines/PipelineWire.ts"
import type { RunDetail, Started } from "../../../http/runs/RunWire.ts"
import { ClientError, path, sendJson } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Complaint, messagesAt } from "../form/Field.tsx"
import { type Draft, draftOf, ParametersForm, problemOf } from "../form/ParametersForm.tsx"
import { isObject, own, type Schema } from "../form/Shape.ts"
import { numberOf, TextField } from "../form/TextField.tsx"
import { useAct } from "../parts/Action.tsx"
import { Icon } from "../parts/Icon.tsx"
import { Loading, Problem } from "../parts/Problem.tsx"
import { go, href } from "../Router.ts"

/** Options as they were typed. */
interface Options {
  readonly priority: string
  readonly delay: string
  readonly run_timeout: string
  readonly on_failure: string
  readonly targets: ReadonlyArray<string>
}

const NO_OPTIONS: Options = { priority: "", delay: "", run_timeout: "", on_failure: "", targets: [] }

const OPTION_NAMES = Object.keys(NO_OPTIONS)

/** What the user has entered so far, kept while other tabs are shown. `like`: the run that it began with. */
export interface RunDraft {
  readonly like: string | undefined
  readonly parameters: Draft
  readonly options: Options
}

export const RunForm = ({
  pipeline,
  like,
  draft,
  change
}: {
  readonly pipeline: PipelineDetail
  /** The run whose parameters it begins with. */
  readonly like: string | undefined
  readonly draft: RunDraft | undefined
  readonly change: (draft: RunDraft) => void
}): JSX.Element => {
  const isKept = draft !== undefined && draft.like === like
  const run = useResource<RunDetail>(like === undefined || isKept ? undefined : path`/runs/${like}`)
  const schema = pipeline.parameters as Schema
  if (like !== undefined && !isKept && run.data === undefined && run.error === undefined) return <Loading />
  return (
    <>
      {run.error !== undefined && <Problem error={run.error} retry={run.reload} />}
      <Fields
        pipeline={pipeline}
        schema={schema}
        draft={isKept ? draft : { like, parameters: draftOf(schema, run.data?.parameters), options: NO_OPTIONS }}
        change={change}
      />
    </>
  )
}

const Fields = ({
  pipeline,
  schema,
  draft,
  change
}: {
  readonly pipeline: PipelineDetail
  readonly schema: Schema
  readonly draft: RunDraft
  readonly change: (draft: RunDraft) => void
}): JSX.Element => {
  const { parameters, options, like } = draft
  const { isBusy, error, run } = useAct(async () => {
    const { priority, delay, run_timeout, on_failure, targets } = options
    const { task_id } = await sendJson<Started>(path`/pipelines/${pipeline.pipeline_id}/execute`, {
      method: "POST",
      // Undefined keys are left out of the JSON.
      body: {
        parameters: parameters.values,
        priority: numberOf(priority),
        delay: numberOf(delay),
        run_timeout: numberOf(run_timeout),
        on_failure: on_failure === "" ? undefined : on_failure,
        targets: targets.length === 0 ? undefined : targets
      }
    })
    go(href(["runs", task_id]))
  })
  const details = error instanceof ClientError ? error.details : []
  const properties = own(schema, "properties")
  const hasParameters = isObject(properties) && Object.keys(properties).length > 0
  const problem = problemOf(parameters)
  const set = (more: Partial<Options>): void => change({ ...draft, options: { ...options, ...more } })
  return (
    <form
      class="card run-form"
      aria-label="Start a run"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        if (problem === undefined) run()
      }}
    >
      {like !== undefined && (
        <p class="note">
          With the parameters of <a href={href(["runs", like])}>{like}</a>.
          <a href={href(["pipelines", pipeline.pipeline_id], { tab: "run" })}>Begin anew</a>
        </p>
      )}
      {hasParameters ? (
        <ParametersForm
          schema={schema}
          draft={parameters}
          details={details}
          change={(next) => change({ ...draft, parameters: next })}
        />
      ) : (
        <p>The pipeline has no parameters.</p>
      )}
      <details class="options" open={OPTION_NAMES.some((name) => messagesAt(details, name).length > 0)}>
        <summary>Options</summary>
        <div class="option-row">
          <TextField
            isNumber
            label="Priority"
            note="From −100 to 100; runs with a higher one start first."
            value={options.priority}
            messages={messagesAt(details, "priority")}
            change={(priority) => set({ priority })}
          />
          <TextField
            isNumber
            label="Delay (seconds)"
            note="How long to wait before the run starts."
            value={options.delay}
            messages={messagesAt(details, "delay")}
            change={(delay) => set({ delay })}
          />
          <TextField
            isNumber
            label="Timeout (seconds)"
            note="How long the run may take."
            value={options.run_timeout}
            messages={messagesAt(details, "run_timeout")}
            change={(run_timeout) => set({ run_timeout })}
          />
          <label class="field">
            On failure
            <select value={options.on_failure} onChange={({ currentTarget: { value } }) => set({ on_failure: value })}>
              <option value="">As the pipeline says</option>
              <option value="fail-fast">Stop at once (fail-fast)</option>
              <option value="continue">Go on with other steps (continue)</option>
              <option value="skip">Skip what depends on it (skip)</option>
            </select>
          </label>
        </div>
        <Targets
          steps={pipeline.tasks}
          targets={options.targets}
          messages={messagesAt(details, "targets")}
          change={(targets) => set({ targets })}
        />
      </details>
      {error !== undefined && <Problem error={error} />}
      <footer>
        <button type="submit" class="primary" disabled={isBusy || problem !== undefined}>
          <Icon name="running" /> {isBusy ? "Starting…" : "Start a run"}
        </button>
        {pipeline.paused && <p class="note">The pipeline is paused: the run waits until it is resumed.</p>}
      </footer>
    </form>
  )
}

/** How many steps the browser suggests. */
const SUGGESTED = 500

/** The steps to run, together with those that they depend on. */
const Targets = ({
  steps,
  targets,
  messages,
  change
}: {
  readonly steps: ReadonlyArray<string>
  readonly targets: ReadonlyArray<string>
  readonly messages: ReadonlyArray<string>
  readonly change: (targets: ReadonlyArray<string>) => void
}): JSX.Element => {
  const id = useId()
  const [text, setText] = useState("")
  const add = (): void => {
    if (text !== "" && !targets.includes(text)) change([...targets, text])
    setText("")
  }
  return (
    <div class="given">
      <label for={id}>
        Only these steps <small>and those that they depend on; none: all steps</small>
      </label>
      <div class="filter-row">
        <input
          id={id}
          list={`${id}-steps`}
          spellcheck={false}
          autoComplete="off"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return
            event.preventDefault()
            add()
          }}
        />
        <datalist id={`${id}-steps`}>
          {steps.slice(0, SUGGESTED).map((step) => (
            <option key={step} value={step} />
          ))}
        </datalist>
        <button type="button" disabled={text === ""} onClick={add}>
          Add
        </button>
      </div>
      {targets.length > 0 && (
        <ul class="chips">
          {targets.map((step) => (
            <li key={step}>
              <button
                type="button"
                class="chip"
                aria-label={`Remove ${step}`}
                onClick={() => change(targets.filter((one) => one !== step))}
              >
                <bdi>{step}</bdi> <Icon name="failed" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <Complaint messages={messages} />
    </div>
  )
}
