/** Creates a schedule. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { PipelineDetail } from "../../../http/pipelines/PipelineWire.ts"
import { ClientError, path, sendJson } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { messagesAt, numberOf } from "../form/Field.tsx"
import { type Draft, draftOf, isReady, ParametersForm } from "../form/ParametersForm.tsx"
import type { Schema } from "../form/Shape.ts"
import { SelectField, TextField } from "../form/TextField.tsx"
import { Confirm } from "../parts/Action.tsx"
import { Loaded } from "../parts/Problem.tsx"

/** Everything as it was typed. */
const FIRST = { kind: "cron", cron: "0 9 * * MON-FRI", time_zone: "", every: "3600", overlap: "skip", catch_up: "skip" }

const KINDS = { cron: "At times of a calendar", every: "At an interval" }
const OVERLAPS = { skip: "Skip the new one", queue: "Start it afterwards", allow: "Start it as well" }
const CATCH_UPS = { skip: "Skip them", one: "Start one run for all", all: "Start a run for each" }

/** The field that a failure without details is about. */
const FIELDS: { readonly [error: string]: string | undefined } = {
  InvalidCronError: "cron",
  UnknownTimeZoneError: "time_zone"
}

const detailsOf = ({ error, message, details }: ClientError): ClientError["details"] => {
  const path = FIELDS[error]
  return path === undefined ? details : [{ path, message }]
}

export const NewSchedule = ({
  pipelines,
  close,
  done
}: {
  /** Those that the user may choose from. */
  readonly pipelines: ReadonlyArray<string>
  readonly close: () => void
  readonly done: () => void
}): JSX.Element => {
  const [chosen, setChosen] = useState(pipelines[0]!)
  const [typed, setTyped] = useState({ ...FIRST, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone })
  const [drafts, setDrafts] = useState<ReadonlyMap<string, Draft>>(new Map())
  const [details, setDetails] = useState<ClientError["details"]>([])
  const pipeline = useResource<PipelineDetail>(path`/pipelines/${chosen}`)
  const schema = pipeline.data?.parameters as Schema | undefined
  const draft = drafts.get(chosen) ?? (schema && draftOf(schema))
  /** What a field for an entry of `typed` is given. */
  const field = (name: keyof typeof FIRST) => ({
    value: typed[name],
    messages: messagesAt(details, name),
    change: (value: string) => setTyped({ ...typed, [name]: value })
  })
  return (
    <Confirm
      title="New schedule"
      verb="Create"
      isReady={draft !== undefined && isReady(draft)}
      close={close}
      act={async () => {
        setDetails([])
        const { kind, cron, time_zone, every, ...rest } = typed
        const timing =
          kind === "cron" ? { cron, time_zone: time_zone.trim() || undefined } : { every: numberOf(every) ?? "" }
        try {
          const body = { pipeline_id: chosen, ...timing, ...rest, parameters: draft?.values }
          await sendJson("/schedules", { method: "POST", body })
        } catch (error) {
          if (error instanceof ClientError) setDetails(detailsOf(error))
          throw error
        }
        done()
      }}
    >
      <div class="option-row">
        <SelectField
          label="Pipeline"
          choices={Object.fromEntries(pipelines.map((id) => [id, id]))}
          value={chosen}
          change={setChosen}
        />
        <SelectField label="When" choices={KINDS} {...field("kind")} />
        {typed.kind === "cron" ? (
          <>
            <TextField label="Cron" note="Minute, hour, day, month, weekday." {...field("cron")} />
            <TextField label="Time zone" note="Such as Europe/Lisbon. Empty: UTC." {...field("time_zone")} />
          </>
        ) : (
          <TextField label="Every (seconds)" isNumber {...field("every")} />
        )}
        <SelectField label="When the last run still goes on" choices={OVERLAPS} {...field("overlap")} />
        <SelectField label="Runs missed while no server ran" choices={CATCH_UPS} {...field("catch_up")} />
      </div>
      <h3>Parameters</h3>
      <Loaded of={pipeline}>
        {() =>
          schema &&
          draft && (
            <ParametersForm
              schema={schema}
              draft={draft}
              details={details}
              change={(next) => setDrafts(new Map(drafts).set(chosen, next))}
            />
          )
        }
      </Loaded>
    </Confirm>
  )
}
