/** Renders a pipeline as elements of Cytoscape.js. Source: https://js.cytoscape.org/#notation/elements-json */
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { Run } from "../run/Run.ts"
import type { Layout } from "./Layout.ts"
import * as Picture from "./Picture.ts"

/** A step, or a box as a compound node. */
export interface CytoscapeNode {
  readonly data: {
    /** `n0`, `n1`, … in order of registration; `b0`, `b1`, … for boxes. */
    readonly id: string
    readonly name: string
    readonly label: string
    readonly kind: string
    readonly steps: number
    /** The id of the box around it. */
    readonly parent?: string
    readonly status?: Picture.State["status"]
  }
  /** The centre. Only steps have one, because Cytoscape places boxes around their nodes. */
  readonly position?: { readonly x: number; readonly y: number }
}

/** A dependency. */
export interface CytoscapeEdge {
  readonly data: { readonly id: string; readonly source: string; readonly target: string; readonly arm?: string }
}

/** The argument of `cytoscape({ …elements, layout: { name: "preset" } })`. */
export interface Elements {
  readonly elements: { readonly nodes: ReadonlyArray<CytoscapeNode>; readonly edges: ReadonlyArray<CytoscapeEdge> }
}

/** The elements of a pipeline. With a run, nodes have a `status`; with a layout of the same pipeline, a `position`. */
export const toCytoscape = (pipeline: Pipeline.Any, run?: Run, layout?: Layout): Elements => {
  const { nodes, edges, boxes } = Picture.of(pipeline, run)
  const parentOf = (box: number): { parent?: string } => (box === -1 ? {} : { parent: `b${box}` })
  const members = boxes.map(() => 0)
  for (const { box } of nodes) if (box !== -1) members[box]!++
  // A box comes after the box around it, so the last ones are complete first.
  for (let at = boxes.length - 1; at >= 0; at--) {
    const { box } = boxes[at]!
    if (box !== -1) members[box]! += members[at]!
  }
  return {
    elements: {
      nodes: [
        ...boxes.map(({ name, label, kind, box }, at) => ({
          data: { id: `b${at}`, name, label, kind, steps: members[at]!, ...parentOf(box) }
        })),
        ...nodes.map(({ name, label, kind, steps, box, state }, at) => {
          const place = layout?.nodes[at]
          return {
            data: { id: `n${at}`, name, label, kind, steps, ...parentOf(box), ...(state && { status: state.status }) },
            ...(place && { position: { x: place.x + place.width / 2, y: place.y + place.height / 2 } })
          }
        })
      ],
      edges: edges.map(({ from, to, arm }, at) => ({
        data: { id: `e${at}`, source: `n${from}`, target: `n${to}`, ...(arm && { arm }) }
      }))
    }
  }
}
