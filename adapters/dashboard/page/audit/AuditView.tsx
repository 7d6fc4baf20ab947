/** Who asked for which operation, and whether it was allowed. */
import type { JSX } from "preact"
import type { AuditRecordJson, AuditRecords, StrangerJson } from "../../../http/access/AccessWire.ts"
import { query as queryOf, send } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { ActButton } from "../parts/Action.tsx"
import { Icon } from "../parts/Icon.tsx"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { save } from "../parts/Save.ts"
import { Time } from "../parts/Time.tsx"
import { href } from "../Router.ts"
import { AuditFilter, type Filter } from "./AuditFilter.tsx"

/** How many records a page shows, and how many a file has at most. */
const PAGE = 50
const FILE = 1_000

const filterOf = ({ outcome, principal, pipeline_id, since, until }: Filter): Omit<Filter, "cursor"> => ({
  ...(outcome !== undefined && { outcome }),
  ...(principal !== undefined && { principal }),
  ...(pipeline_id !== undefined && { pipeline_id }),
  ...(since !== undefined && { since }),
  ...(until !== undefined && { until })
})

export const AuditView = ({ query }: { readonly query: Filter }): JSX.Element => {
  const filter = filterOf(query)
  const { cursor } = query
  const audit = useResource<AuditRecords>(`/audit${queryOf({ ...filter, limit: PAGE, cursor })}`)
  return (
    <>
      <header class="view">
        <div class="title">
          <h1>Audit</h1>
          <div class="actions">
            <ActButton
              act={async () => {
                const answer = await send(`/audit/lines${queryOf({ ...filter, limit: FILE, cursor })}`)
                save("audit.jsonl", await answer.text(), "application/x-ndjson")
              }}
            >
              <Icon name="download" />
              Download as JSON lines
            </ActButton>
          </div>
        </div>
      </header>
      <AuditFilter filter={query} />
      <Loaded of={audit}>
        {({ records, strangers, next_cursor }) => (
          <>
            {records.length === 0 ? (
              <NoRecords isFiltered={Object.keys(query).length > 0} />
            ) : (
              <Records records={records} />
            )}
            <nav class="pages" aria-label="Pages of the audit log">
              {cursor !== undefined && <a href={href(["audit"], filter)}>Newest records</a>}
              {next_cursor !== null && <a href={href(["audit"], { ...filter, cursor: next_cursor })}>Older records</a>}
            </nav>
            {strangers.length > 0 && <Strangers strangers={strangers} />}
          </>
        )}
      </Loaded>
    </>
  )
}

const NoRecords = ({ isFiltered }: { readonly isFiltered: boolean }): JSX.Element => (
  <Empty>
    {isFiltered ? (
      <>
        <h2>No record matches</h2>
        <p>
          <a href={href(["audit"])}>Show all records</a>
        </p>
      </>
    ) : (
      <>
        <h2>No records yet</h2>
        <p>Each request that changes something, and each that is denied, is recorded here.</p>
      </>
    )}
  </Empty>
)

const Records = ({ records }: { readonly records: ReadonlyArray<AuditRecordJson> }): JSX.Element => (
  <table class="list rows audit">
    <thead>
      <tr>
        <th>Outcome</th>
        <th>When</th>
        <th>Who</th>
        <th>Operation</th>
        <th>Of</th>
      </tr>
    </thead>
    <tbody>
      {records.map((record) => (
        <tr key={record.id}>
          <td>
            <OutcomeMark outcome={record.outcome} />
          </td>
          <td>
            <Time at={record.timestamp} />
          </td>
          <td data-label="Who" class="wide-cell">
            <span class="clipped" title={[record.principal, ...record.roles].join(", ")}>
              <bdi>{record.principal ?? "not known"}</bdi> <small class="faint">{record.address}</small>
            </span>
          </td>
          <td class="wide-cell">
            <code class="clipped" title={record.operation}>
              {record.operation}
            </code>
            <small class="faint clipped" title={record.reason ?? undefined}>
              needs {record.permission}
              {record.reason !== null && `: ${record.reason}`}
            </small>
          </td>
          <td class="wide-cell">
            <Subject record={record} />
          </td>
        </tr>
      ))}
    </tbody>
  </table>
)

const OutcomeMark = ({ outcome }: { readonly outcome: AuditRecordJson["outcome"] }): JSX.Element => (
  <span class={`status ${outcome === "allowed" ? "COMPLETED" : "FAILED"}`}>
    <Icon name={outcome === "allowed" ? "completed" : "failed"} />
    {outcome === "allowed" ? "Allowed" : "Denied"}
  </span>
)

/** The run or the pipeline that a request was about. */
const Subject = ({
  record: { pipeline_id, task_id, request_id }
}: {
  readonly record: AuditRecordJson
}): JSX.Element => (
  <span class="clipped" title={request_id === null ? undefined : `Request ${request_id}`}>
    {task_id !== null ? (
      <a href={href(["runs", task_id])}>
        <code>{task_id}</code>
      </a>
    ) : pipeline_id !== null ? (
      <a href={href(["pipelines", pipeline_id])}>
        <bdi>{pipeline_id}</bdi>
      </a>
    ) : (
      <span class="faint">–</span>
    )}
  </span>
)

const Strangers = ({ strangers }: { readonly strangers: ReadonlyArray<StrangerJson> }): JSX.Element => (
  <section class="stack">
    <h2>Strangers</h2>
    <p class="faint">Callers without valid credentials that this server has denied, by address.</p>
    <table class="list rows strangers">
      <thead>
        <tr>
          <th>Address</th>
          <th class="end">Denied</th>
          <th>First</th>
          <th>Last</th>
          <th>Last operation</th>
        </tr>
      </thead>
      <tbody>
        {strangers.map(({ address, denied, first_at, last_at, operation, reason }) => (
          <tr key={address}>
            <td class="wide-cell">
              <code>{address}</code>
            </td>
            <td class="end number" data-label="Denied">
              {denied.toLocaleString("en")}
            </td>
            <td data-label="First">
              <Time at={first_at} />
            </td>
            <td data-label="Last">
              <Time at={last_at} />
            </td>
            <td class="wide-cell">
              <code class="clipped" title={operation}>
                {operation}
              </code>
              <small class="faint clipped" title={reason}>
                {reason}
              </small>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
)
