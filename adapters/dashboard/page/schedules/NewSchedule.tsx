/** Creates a schedule. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { PipelineDetail } from "../../../http/pipelines/PipelineWire.ts"
import { useCaller } from "../data/Caller.ts"
import { ClientError, path, sendJson } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Complaint, messagesAt } from "../form/Field.tsx"
import { type Draft, draftOf, ParametersForm, problemOf } from "../form/ParametersForm.tsx"
import type { Schema } from "../form/Shape.ts"
import { numberOf, TextField } from "../form/TextField.tsx"
import { Confirm } from "../parts/Action.tsx"
import { Loaded } from "../parts/Problem.tsx"

/** Everything as it was typed. */
interface Typed {
  readonly kind: "cron" | "every"
  readonly cron: string
  readonly time_zone: string
  readonly every: string
  readonly id: string
  readonly overlap: string
  readonly catch_up: string
}

const FIRST: Typed = {
  kind: "cron",
  cron: "0 9 * * MON-FRI",
  time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  every: "3600",
  id: "",
  overlap: "skip",
  catch_up: "skip"
}

const OVERLAPS = [
  ["skip", "Skip it"],
  ["queue", "Start it after that run"],
  ["allow", "Start it beside that run"]
] as const

const CATCH_UPS = [
  ["skip", "None"],
  ["one", "One run for all of them"],
  ["all", "A run for each"]
] as const

/** The field that a failure without details is about. */
const FIELDS: { readonly [error: string]: string | undefined } = {
  InvalidCronError: "cron",
  UnknownTimeZoneError: "time_zone"
}

const detailsOf = ({ error, message, details }: ClientError): ClientError["details"] => {
  const path = FIELDS[error]
  return path === undefined ? details : [{ path, message }]
}

const OPTIONS = ["id", "overlap", "catch_up"]

export const NewSchedule = ({
  pipelineId,
  close,
  done
}: {
  /** Undefined: the user chooses one. */
  readonly pipelineId?: string
  readonly close: () => void
  readonly done: () => void
}): JSX.Element => {
  const { me, may } = useCaller()
  const [chosen, setChosen] = useState(pipelineId ?? "")
  const [typed, setTyped] = useState(FIRST)
  const [drafts, setDrafts] = useState<{ readonly [id: string]: Draft | undefined }>({})
  const [details, setDetails] = useState<ClientError["details"]>([])
  const pipeline = useResource<PipelineDetail>(chosen === "" ? undefined : path`/pipelines/${chosen}`)
  const schema = pipeline.data?.parameters as Schema | undefined
  const draft = Object.hasOwn(drafts, chosen) ? drafts[chosen] : schema && draftOf(schema)
  const set = (more: Partial<Typed>): void => setTyped({ ...typed, ...more })
  const ids = Object.keys(me?.pipelines ?? {}).filter((id) => may("admin", id))
  return (
    <Confirm
      title="New schedule"
      verb="Create"
      isReady={draft !== undefined && problemOf(draft) === undefined}
      close={close}
      act={async () => {
        setDetails([])
        const { kind, cron, time_zone, every, id, overlap, catch_up } = typed
        const timing =
          kind === "cron"
            ? { cron, ...(time_zone.trim() !== "" && { time_zone: time_zone.trim() }) }
            : { every: numberOf(every) ?? "" }
        try {
          await sendJson("/schedules", {
            method: "POST",
            body: {
              pipeline_id: chosen,
              ...timing,
              ...(id !== "" && { id }),
              parameters: draft?.values,
              overlap,
              catch_up
            }
          })
        } catch (error) {
          if (error instanceof ClientError) setDetails(detailsOf(error))
          throw error
        }
        done()
      }}
    >
      {pipelineId === undefined && (
        <label class="field">
          Pipeline
          <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
            <option value="">Choose…</option>
            {ids.map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
      )}
      <fieldset class="choices">
        <legend>When</legend>
        <label>
          <input type="radio" name="timing" checked={typed.kind === "cron"} onChange={() => set({ kind: "cron" })} />
          At times of a calendar
        </label>
        <label>
          <input type="radio" name="timing" checked={typed.kind === "every"} onChange={() => set({ kind: "every" })} />
          At an interval
        </label>
      </fieldset>
      {typed.kind === "cron" ? (
        <div class="option-row">
          <TextField
            label="Cron expression"
            note="Minute, hour, day, month, weekday."
            value={typed.cron}
            messages={messagesAt(details, "cron")}
            change={(cron) => set({ cron })}
          />
          <TextField
            label="Time zone"
            note="Such as Europe/Lisbon. Empty: UTC."
            value={typed.time_zone}
            messages={messagesAt(details, "time_zone")}
            change={(time_zone) => set({ time_zone })}
          />
        </div>
      ) : (
        <TextField
          label="Every (seconds)"
          value={typed.every}
          messages={messagesAt(details, "every")}
          isNumber
          change={(every) => set({ every })}
        />
      )}
      {chosen !== "" && (
        <fieldset class="choices">
          <legend>Parameters</legend>
          <Loaded of={pipeline}>
            {() =>
              schema === undefined || draft === undefined ? null : (
                <ParametersForm
                  schema={schema}
                  draft={draft}
                  details={details}
                  change={(next) => setDrafts({ ...drafts, [chosen]: next })}
                />
              )
            }
          </Loaded>
        </fieldset>
      )}
      <details class="options" open={OPTIONS.some((name) => messagesAt(details, name).length > 0)}>
        <summary>Options</summary>
        <div class="option-row">
          <TextField
            label="Id"
            note="Empty: a new one."
            value={typed.id}
            messages={messagesAt(details, "id")}
            change={(id) => set({ id })}
          />
          <Choice
            label="While its last run goes on"
            choices={OVERLAPS}
            value={typed.overlap}
            messages={messagesAt(details, "overlap")}
            change={(overlap) => set({ overlap })}
          />
          <Choice
            label="Runs for times when no server was running"
            choices={CATCH_UPS}
            value={typed.catch_up}
            messages={messagesAt(details, "catch_up")}
            change={(catch_up) => set({ catch_up })}
          />
        </div>
      </details>
    </Confirm>
  )
}

interface Props {
  readonly label: string
  readonly value: string
  readonly messages: ReadonlyArray<string>
  readonly change: (value: string) => void
}

const Choice = ({
  label,
  choices,
  value,
  messages,
  change
}: Props & { readonly choices: ReadonlyArray<readonly [value: string, title: string]> }): JSX.Element => (
  <label class="field">
    {label}
    <select
      value={value}
      aria-invalid={messages.length > 0 || undefined}
      onChange={(event) => change(event.currentTarget.value)}
    >
      {choices.map(([name, title]) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </select>
    <Complaint messages={messages} />
  </label>
)
