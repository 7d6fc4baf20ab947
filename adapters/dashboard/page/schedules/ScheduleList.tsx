/** The schedules, of one pipeline or of all, with what the caller may do with them. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { Started } from "../../../http/runs/RunWire.ts"
import type { ScheduleDetail, ScheduleJson, Schedules } from "../../../http/schedules/ScheduleWire.ts"
import { type Caller, useCaller } from "../data/Caller.ts"
import { path, send, sendJson } from "../data/Connection.ts"
import { useFresh } from "../data/Refresh.ts"
import { useResource } from "../data/Resource.ts"
import { Confirm } from "../parts/Action.tsx"
import { Icon } from "../parts/Icon.tsx"
import { JsonText } from "../parts/JsonText.tsx"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { Clipped, type Column, countText, Table } from "../parts/Table.tsx"
import { durationText, Time } from "../parts/Time.tsx"
import { Paused } from "../pipelines/PipelinesView.tsx"
import { go, href } from "../Router.ts"
import { NewSchedule } from "./NewSchedule.tsx"

/** The pipelines that the caller administers. */
const administered = ({ me, may }: Caller): ReadonlyArray<string> =>
  Object.keys(me?.pipelines ?? {}).filter((id) => may("admin", id))

export const ScheduleList = ({ pipelineId }: { readonly pipelineId?: string }): JSX.Element => {
  const caller = useCaller()
  const [isNew, setNew] = useState(false)
  // A run of a schedule changes its row.
  const list = useFresh<Schedules>("/schedules", ({ type }) => type === "PipelineStartEvent")
  const pipelines = administered(caller).filter((id) => pipelineId === undefined || id === pipelineId)
  return (
    <>
      {pipelines.length > 0 && (
        <div class="actions">
          <button type="button" onClick={() => setNew(true)}>
            <Icon name="plus" /> New schedule…
          </button>
        </div>
      )}
      <Loaded of={list}>
        {({ schedules, next_cursor }) => {
          const rows = schedules.filter(({ pipeline_id }) => pipelineId === undefined || pipeline_id === pipelineId)
          return (
            <>
              {rows.length === 0 ? (
                <Empty>
                  <h2>No schedules</h2>
                  <p>A schedule starts runs of a pipeline at times of a calendar, or at an interval.</p>
                  <p>Each tick starts one run, however many servers there are.</p>
                </Empty>
              ) : (
                <Rows rows={rows} reload={list.reload} />
              )}
              {next_cursor !== null && <p class="note">Only the first {schedules.length} schedules are looked at.</p>}
            </>
          )
        }}
      </Loaded>
      {isNew && <NewSchedule pipelines={pipelines} close={() => setNew(false)} done={list.reload} />}
    </>
  )
}

const ACTS = {
  run: ["Run now", "Starts a run with the parameters of the schedule:"],
  pause: ["Pause", "It starts no runs until it is resumed."],
  resume: ["Resume", "It starts runs again from its next tick."],
  delete: ["Delete", "It starts no more runs. Its runs are kept."]
} as const

type ActName = keyof typeof ACTS

interface Asked {
  readonly act: ActName
  readonly of: ScheduleJson
}

const COLUMNS: ReadonlyArray<Column<ScheduleJson>> = [
  [
    "Schedule",
    ({ id, pipeline_id }) => (
      <Clipped text={id} note={`of ${pipeline_id}`} href={href(["pipelines", pipeline_id], { tab: "schedules" })} />
    ),
    "wide"
  ],
  [
    "When",
    ({ cron, time_zone, every }) =>
      cron === null ? (
        `every ${durationText(1_000 * (every ?? 0)).replace(/ 0 .*/, "")}`
      ) : (
        <Clipped text={cron} note={time_zone} />
      ),
    "wide"
  ],
  ["Next", (of) => (of.paused ? <Paused /> : <Next of={of} />), "when"],
  [
    "Last",
    ({ last_task_id, last_at }) =>
      last_task_id === null ? (
        <Time at={last_at} />
      ) : (
        <a href={href(["runs", last_task_id])}>
          <Time at={last_at} />
        </a>
      ),
    "when"
  ],
  ["Started", ({ fired }) => countText(fired), "end"],
  ["Skipped", ({ skipped }) => countText(skipped), "end"]
]

const Rows = ({
  rows,
  reload
}: {
  readonly rows: ReadonlyArray<ScheduleJson>
  readonly reload: () => void
}): JSX.Element => {
  const { may } = useCaller()
  const [asked, setAsked] = useState<Asked>()
  const acts = ({ pipeline_id: id, paused }: ScheduleJson): ReadonlyArray<ActName> => [
    ...(may("execute", id) ? (["run"] as const) : []),
    ...(may("admin", id) ? ([paused ? "resume" : "pause", "delete"] as const) : [])
  ]
  const actions: Column<ScheduleJson> = [
    "Actions",
    (of) =>
      acts(of).map((act) => (
        <button key={act} type="button" class="plain" onClick={() => setAsked({ act, of })}>
          {ACTS[act][0]}…
        </button>
      )),
    "acts"
  ]
  return (
    <>
      <Table
        label="Schedules"
        rows={rows}
        keyOf={({ id }) => id}
        columns={rows.some((of) => acts(of).length > 0) ? [...COLUMNS, actions] : COLUMNS}
      />
      {asked !== undefined && <AskedDialog {...asked} close={() => setAsked(undefined)} reload={reload} />}
    </>
  )
}

/** The next tick; opened, those after it. */
const Next = ({ of }: { readonly of: ScheduleJson }): JSX.Element => {
  const [isOpen, setOpen] = useState(false)
  const { data } = useResource<ScheduleDetail>(isOpen ? path`/schedules/${of.id}` : undefined)
  return (
    <details class="ticks" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Time at={of.next_at} />
      </summary>
      {data?.next_ticks.slice(1).map((at) => (
        <Time key={at} at={at} />
      ))}
    </details>
  )
}

/** Asks before it acts on a schedule. */
const AskedDialog = ({
  act,
  of,
  close,
  reload
}: Asked & { readonly close: () => void; readonly reload: () => void }): JSX.Element => {
  const [verb, text] = ACTS[act]
  const { id, pipeline_id, parameters, priority } = of
  const own = path`/schedules/${id}`
  return (
    <Confirm
      title={`${verb}: ${id}`}
      verb={verb}
      isDangerous={act === "delete"}
      close={close}
      act={async () => {
        if (act === "run") {
          const { task_id } = await sendJson<Started>(path`/pipelines/${pipeline_id}/execute`, {
            method: "POST",
            body: { parameters, priority }
          })
          return go(href(["runs", task_id]))
        }
        if (act === "delete") await send(own, { method: "DELETE" })
        else await send(`${own}/${act}`, { method: "POST" })
        reload()
      }}
    >
      <p>{text}</p>
      {act === "run" && <JsonText text={JSON.stringify(parameters)} />}
    </Confirm>
  )
}
