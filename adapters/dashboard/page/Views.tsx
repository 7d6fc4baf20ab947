/** The views of the page, by the first segment of their address. */
import type { JSX } from "preact"
import { AuditView } from "./audit/AuditView.tsx"
import type { Caller } from "./data/Caller.ts"
import { OverviewView } from "./overview/OverviewView.tsx"
import { PipelinesView } from "./pipelines/PipelinesView.tsx"
import { PipelineView } from "./pipelines/PipelineView.tsx"
import type { Route } from "./Router.ts"
import { RunView } from "./run/RunView.tsx"
import { RunsView } from "./runs/RunsView.tsx"
import { SchedulesView } from "./schedules/SchedulesView.tsx"

/** One view. */
export interface View {
  readonly id: string
  readonly title: string
  readonly titleOf: (route: Route) => string
  /** Whether the caller can do anything with it. */
  readonly isFor?: (caller: Caller) => boolean
  readonly render: (route: Route) => JSX.Element
}

export const VIEWS: ReadonlyArray<View> = [
  {
    id: "runs",
    title: "Runs",
    titleOf: ({ segments }) => (segments[1] === undefined ? "Runs" : `Run ${segments[1]}`),
    render: ({ segments, query }) =>
      segments[1] === undefined ? <RunsView query={query} /> : <RunView id={segments[1]} query={query} />
  },
  {
    id: "pipelines",
    title: "Pipelines",
    titleOf: ({ segments }) => segments[1] ?? "Pipelines",
    render: ({ segments, query }) =>
      segments[1] === undefined ? <PipelinesView /> : <PipelineView id={segments[1]} query={query} />
  },
  { id: "schedules", title: "Schedules", titleOf: () => "Schedules", render: () => <SchedulesView /> },
  { id: "overview", title: "Overview", titleOf: () => "Overview", render: () => <OverviewView /> },
  {
    id: "audit",
    title: "Audit",
    titleOf: () => "Audit",
    isFor: ({ me, may }) => me?.is_secured === true && may("admin"),
    render: ({ query }) => <AuditView query={query} />
  }
]

/** The view of a route; the runs for an address that names none. */
export const viewOf = ({ segments }: Route): View => VIEWS.find(({ id }) => id === segments[0]) ?? VIEWS[0]!
