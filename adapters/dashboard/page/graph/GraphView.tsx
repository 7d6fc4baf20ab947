/** The graph of a pipeline, coloured by the steps of a run. */
import type { JSX } from "preact"
import { useMemo, useState } from "preact/hooks"
import { ClientError, path } from "../data/Connection.ts"
import { useResource } from "../data/Resource.ts"
import { Empty, Loading, Problem } from "../parts/Problem.tsx"
import type { StepDetail } from "../run/Outline.ts"
import { Canvas } from "./Canvas.tsx"
import { type Layout, type Node, neighbourhood } from "./Layout.ts"

/** A graph with more nodes opens with those that matter: failed and running steps, and what is near them. */
const MANY = 500
const HOPS = 2

export const GraphView = ({
  pipelineId,
  runId,
  steps = [],
  stepHref
}: {
  readonly pipelineId: string
  readonly runId?: string
  readonly steps?: ReadonlyArray<StepDetail>
  /** The link of a step. */
  readonly stepHref?: (step: string) => string
}): JSX.Element => {
  const base = path`/pipelines/${pipelineId}/dag/layout`
  const laidOut = useResource<Layout>(base)
  // The server's layout library may not be installed; its own layers always work.
  const needsLayers = laidOut.error instanceof ClientError && laidOut.error.status === 501
  const layers = useResource<Layout>(needsLayers ? `${base}?engine=layers` : undefined)
  const { data: layout, error } = needsLayers ? layers : laidOut
  const [isAll, setAll] = useState(false)
  const byName = useMemo(() => new Map(steps.map((step) => [step.name, step])), [steps])
  const near = useMemo(() => {
    if (layout === undefined || layout.nodes.length <= MANY || isAll) return undefined
    const matters = ({ name }: Node): boolean => {
      const status = byName.get(name)?.status
      return status === "FAILED" || status === "RUNNING"
    }
    const found = neighbourhood(layout, matters, HOPS)
    return found.size === 0 || found.size > layout.nodes.length / 2 ? undefined : found
  }, [layout, byName, isAll])
  if (layout === undefined) {
    return error === undefined ? <Loading /> : <Problem error={error} retry={laidOut.reload} />
  }
  if (layout.nodes.length === 0) {
    return (
      <Empty>
        <p>The pipeline has no steps.</p>
      </Empty>
    )
  }
  return (
    <section class="graph" aria-label="Graph">
      {near !== undefined && (
        <p class="note">
          Shows failed and running steps and their neighbours: {near.size} of {layout.nodes.length.toLocaleString("en")}
          .{" "}
          <button type="button" onClick={() => setAll(true)}>
            Show all
          </button>
        </p>
      )}
      {layout.collapsed && <p class="note">The graph is large: each nested pipeline and group is one node.</p>}
      <Canvas
        layout={layout}
        only={near}
        stateOf={({ name }) => byName.get(name)}
        hrefOf={runId === undefined ? undefined : stepHref}
      />
    </section>
  )
}
