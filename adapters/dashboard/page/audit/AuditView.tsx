/** Who asked for which operation, and whether it was allowed. */
import type { JSX } from "preact"
import { useRef } from "preact/hooks"
import type { AuditRecordJson, AuditRecords, StrangerJson } from "../../../http/access/AccessWire.ts"
import { query as queryOf, send } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { ActButton } from "../parts/Action.tsx"
import { Icon } from "../parts/Icon.tsx"
import { useKeys } from "../parts/Keys.ts"
import { Empty, Loaded } from "../parts/Problem.tsx"
import { save } from "../parts/Save.ts"
import { Clipped, type Column, countText, Table } from "../parts/Table.tsx"
import { Time } from "../parts/Time.tsx"
import { go, href } from "../Router.ts"
import { Instant, Typed } from "../runs/FilterBar.tsx"

/** The filter, as it is in the address and in the API. */
type Filter = { readonly [key in (typeof KEYS)[number]]?: string }

const KEYS = ["outcome", "principal", "pipeline_id", "since", "until", "cursor"] as const

/** How many records a page shows, and how many a file has at most. */
const PAGE = 50
const FILE = 1_000

export const AuditView = ({ query }: { readonly query: Filter }): JSX.Element => {
  const filter: Filter = Object.fromEntries(KEYS.map((key) => [key, query[key]]))
  const audit = useResource<AuditRecords>(`/audit${queryOf({ ...filter, limit: PAGE })}`)
  return (
    <>
      <header class="view">
        <div class="title">
          <h1>Audit</h1>
          <ActButton
            act={async () => {
              const answer = await send(`/audit/lines${queryOf({ ...filter, limit: FILE })}`)
              save("audit.jsonl", await answer.text(), "application/x-ndjson")
            }}
          >
            <Icon name="download" />
            Download as JSON lines
          </ActButton>
        </div>
      </header>
      <AuditFilter filter={filter} />
      <Loaded of={audit}>
        {({ records, strangers, next_cursor }) => (
          <>
            {records.length === 0 ? (
              <Empty>
                <h2>No records</h2>
                <p>Each request that changes something, and each that is denied, is recorded here.</p>
              </Empty>
            ) : (
              <Table label="Records" rows={records} keyOf={({ id }) => id} columns={COLUMNS} />
            )}
            <nav class="pages" aria-label="Pages of the audit log">
              {filter.cursor !== undefined && (
                <a href={href(["audit"], { ...filter, cursor: undefined })}>Newest records</a>
              )}
              {next_cursor !== null && <a href={href(["audit"], { ...filter, cursor: next_cursor })}>Older records</a>}
            </nav>
            {strangers.length > 0 && (
              <>
                <h2>Strangers</h2>
                <p class="faint">Callers without valid credentials that this server has denied, by address.</p>
                <Table label="Strangers" rows={strangers} keyOf={({ address }) => address} columns={STRANGERS} />
              </>
            )}
          </>
        )}
      </Loaded>
    </>
  )
}

const OUTCOMES = {
  allowed: ["COMPLETED", "completed", "Allowed"],
  denied: ["FAILED", "failed", "Denied"]
} as const

const COLUMNS: ReadonlyArray<Column<AuditRecordJson>> = [
  [
    "Outcome",
    ({ outcome }) => {
      const [status, icon, title] = OUTCOMES[outcome]
      return (
        <span class={`status ${status}`}>
          <Icon name={icon} />
          {title}
        </span>
      )
    },
    "state"
  ],
  ["When", ({ timestamp }) => <Time at={timestamp} />, "when"],
  [
    "Who",
    ({ principal, roles, address }) => (
      <Clipped text={principal ?? "not known"} note={[...roles, address].filter(Boolean).join(", ")} />
    ),
    "mid"
  ],
  ["Operation", ({ operation, reason }) => <Clipped text={operation} note={reason} />, "wide"],
  [
    "Of",
    ({ task_id, pipeline_id }) =>
      task_id !== null ? (
        <Clipped text={pipeline_id ?? task_id} note={task_id} href={href(["runs", task_id])} />
      ) : (
        pipeline_id !== null && <Clipped text={pipeline_id} href={href(["pipelines", pipeline_id])} />
      ),
    "mid"
  ]
]

const STRANGERS: ReadonlyArray<Column<StrangerJson>> = [
  ["Address", ({ address }) => <Clipped text={address} />, "wide"],
  ["Denied", ({ denied }) => countText(denied), "end"],
  ["First", ({ first_at }) => <Time at={first_at} />, "when"],
  ["Last", ({ last_at }) => <Time at={last_at} />, "when"],
  ["Operation", ({ operation, reason }) => <Clipped text={operation} note={reason} />, "wide"]
]

/** Every change is a new address. */
const AuditFilter = ({ filter }: { readonly filter: Filter }): JSX.Element => {
  const first = useRef<HTMLInputElement>(null)
  useKeys({ "/": () => first.current?.focus() })
  const change = (values: { readonly [key: string]: string | undefined }): void =>
    go(href(["audit"], { ...filter, cursor: undefined, ...values }), true)
  return (
    <search class="filter-row">
      <fieldset class="chips">
        <legend class="hidden">Outcome</legend>
        {Object.entries(OUTCOMES).map(([outcome, [status, icon, title]]) => (
          <button
            key={outcome}
            type="button"
            class={`chip ${status}`}
            aria-pressed={filter.outcome === outcome}
            onClick={() => change({ outcome: filter.outcome === outcome ? undefined : outcome })}
          >
            <Icon name={icon} />
            {title}
          </button>
        ))}
      </fieldset>
      <Typed
        label="Principal"
        value={filter.principal ?? ""}
        inputRef={first}
        change={(principal) => change({ principal })}
      />
      <Typed label="Pipeline" value={filter.pipeline_id ?? ""} change={(pipeline_id) => change({ pipeline_id })} />
      <Instant label="Since" value={filter.since} change={(since) => change({ since })} />
      <Instant label="Before" value={filter.until} change={(until) => change({ until })} />
      {Object.values(filter).some(Boolean) && (
        <button type="button" class="plain" onClick={() => go(href(["audit"]), true)}>
          Clear
        </button>
      )}
    </search>
  )
}
