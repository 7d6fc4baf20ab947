/** The schedules, of one pipeline or of all, with what the caller may do with them. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import type { Started } from "../../../http/runs/RunWire.ts"
import type { ScheduleJson, Schedules } from "../../../http/schedules/ScheduleWire.ts"
import { useCaller } from "../data/Caller.ts"
import { path, send, sendJson } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Confirm } from "../parts/Action.tsx"
import { Icon } from "../parts/Icon.tsx"
import { JsonText } from "../parts/JsonText.tsx"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { durationText, Time } from "../parts/Time.tsx"
import { Paused } from "../pipelines/PipelinesView.tsx"
import { go, href } from "../Router.ts"
import { NewSchedule } from "./NewSchedule.tsx"

/** How many schedules are shown at first, and with each "more". */
const ROWS = 50

export const ScheduleList = ({ pipelineId }: { readonly pipelineId?: string }): JSX.Element => {
  const { me, may } = useCaller()
  const [isNew, setNew] = useState(false)
  const [limit, setLimit] = useState(ROWS)
  // A run of a schedule changes its row.
  const list = useResource<Schedules>("/schedules", ({ type }) => type === "PipelineStartEvent")
  const canCreate =
    pipelineId === undefined
      ? may("admin") || Object.keys(me?.pipelines ?? {}).some((id) => may("admin", id))
      : may("admin", pipelineId)
  return (
    <>
      {canCreate && (
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
                <NoSchedules canCreate={canCreate} />
              ) : (
                <Table rows={rows.slice(0, limit)} isOfOne={pipelineId !== undefined} reload={list.reload} />
              )}
              {rows.length > limit && (
                <p>
                  <button type="button" onClick={() => setLimit(limit + ROWS)}>
                    Show {Math.min(ROWS, rows.length - limit)} more of {rows.length.toLocaleString("en")}
                  </button>
                </p>
              )}
              {next_cursor !== null && (
                <p class="note">Only the first {schedules.length.toLocaleString("en")} schedules are looked at here.</p>
              )}
            </>
          )
        }}
      </Loaded>
      {isNew && (
        <NewSchedule
          {...(pipelineId !== undefined && { pipelineId })}
          close={() => setNew(false)}
          done={() => {
            setNew(false)
            list.reload()
          }}
        />
      )}
    </>
  )
}

const NoSchedules = ({ canCreate }: { readonly canCreate: boolean }): JSX.Element => (
  <Empty>
    <h2>No schedules</h2>
    <p>A schedule starts runs of a pipeline at times of a calendar, such as every weekday at 9, or at an interval.</p>
    <p>It works as long as any server is running; each tick starts one run, however many servers there are.</p>
    {canCreate && <p>Create one here, or in your program.</p>}
  </Empty>
)

type Act = "run" | "pause" | "resume" | "delete"

const Table = ({
  rows,
  isOfOne,
  reload
}: {
  readonly rows: ReadonlyArray<ScheduleJson>
  /** Whether all are of the pipeline that the page shows. */
  readonly isOfOne: boolean
  readonly reload: () => void
}): JSX.Element => {
  const { may } = useCaller()
  const [asked, setAsked] = useState<{ readonly act: Act; readonly of: ScheduleJson }>()
  return (
    <>
      <table class="list rows schedules">
        <thead>
          <tr>
            <th>Schedule</th>
            <th>When</th>
            <th>Next run</th>
            <th>Last run</th>
            <th class="end">Started</th>
            <th class="end">Skipped</th>
            <th>
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((of) => (
            <tr key={of.id}>
              <td class="name wide-cell">
                {isOfOne ? (
                  <span class="clipped" title={of.id}>
                    <bdi>{of.id}</bdi>
                  </span>
                ) : (
                  <a href={href(["pipelines", of.pipeline_id], { tab: "schedules" })} title={of.id}>
                    <bdi>{of.id}</bdi>
                    <code>{of.pipeline_id}</code>
                  </a>
                )}
              </td>
              <td class="when">
                <Timing of={of} />
              </td>
              <td data-label="Next">{of.paused ? <Paused /> : <Next of={of} />}</td>
              <td data-label="Last">
                {of.last_task_id === null ? (
                  <Time at={of.last_at} />
                ) : (
                  <a href={href(["runs", of.last_task_id])}>
                    <Time at={of.last_at} />
                  </a>
                )}
              </td>
              <td class="end number" data-label="Started">
                {of.fired.toLocaleString("en")}
              </td>
              <td class="end number" data-label="Skipped">
                {of.skipped.toLocaleString("en")}
              </td>
              <td class="acts">
                {may("execute", of.pipeline_id) && (
                  <button type="button" class="plain" onClick={() => setAsked({ act: "run", of })}>
                    Run now…
                  </button>
                )}
                {may("admin", of.pipeline_id) && (
                  <>
                    <button
                      type="button"
                      class="plain"
                      onClick={() => setAsked({ act: of.paused ? "resume" : "pause", of })}
                    >
                      {of.paused ? "Resume…" : "Pause…"}
                    </button>
                    <button type="button" class="plain" onClick={() => setAsked({ act: "delete", of })}>
                      Delete…
                    </button>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {asked !== undefined && <Asked {...asked} close={() => setAsked(undefined)} reload={reload} />}
    </>
  )
}

/** When a schedule starts runs, in the words of its creator. */
const Timing = ({ of: { cron, time_zone, every } }: { readonly of: ScheduleJson }): JSX.Element =>
  cron !== null ? (
    <>
      <code>{cron}</code> <small class="faint">{time_zone}</small>
    </>
  ) : (
    <>every {durationText(1_000 * (every ?? 0))}</>
  )

/** The next tick, and those after it where the server tells them. */
const Next = ({ of }: { readonly of: ScheduleJson & { readonly next_ticks?: ReadonlyArray<string> } }): JSX.Element => {
  const later = of.next_ticks?.slice(1) ?? []
  return (
    <>
      <Time at={of.next_at} />
      {later.length > 0 && (
        <details>
          <summary>{later.length} more</summary>
          <ul>
            {later.map((at) => (
              <li key={at}>
                <Time at={at} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}

const TEXTS: { readonly [Of in Act]: readonly [title: string, verb: string, text: string] } = {
  run: ["Run now", "Start a run", "Starts a run with the parameters of the schedule, beside its own runs:"],
  pause: ["Pause the schedule", "Pause", "It starts no runs until it is resumed. Runs that have begun go on."],
  resume: ["Resume the schedule", "Resume", "It starts runs again from its next tick."],
  delete: ["Delete the schedule", "Delete", "It starts no more runs. The runs that it has started are kept."]
}

/** Asks before it acts on a schedule. */
const Asked = ({
  act,
  of,
  close,
  reload
}: {
  readonly act: Act
  readonly of: ScheduleJson
  readonly close: () => void
  readonly reload: () => void
}): JSX.Element => {
  const [title, verb, text] = TEXTS[act]
  const own = path`/schedules/${of.id}`
  return (
    <Confirm
      title={title}
      verb={verb}
      isDangerous={act === "delete"}
      close={close}
      act={async () => {
        if (act === "run") {
          const { parameters, priority } = of
          const { task_id } = await sendJson<Started>(path`/pipelines/${of.pipeline_id}/execute`, {
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
      <p>
        <strong>
          <bdi>{of.id}</bdi>
        </strong>{" "}
        of <bdi>{of.pipeline_id}</bdi>. {text}
      </p>
      {act === "run" && <JsonText text={JSON.stringify(of.parameters)} />}
    </Confirm>
  )
}
