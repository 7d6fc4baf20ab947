/** A picture as elements of Cytoscape. Source: https://js.cytoscape.org/#notation/elements-json */
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { Run } from "../run/Run.ts"
import type { Layout } from "./Layout.ts"
import * as Picture from "./Picture.ts"

export interface CytoscapeNode {
  readonly data: {
    /** `n0`, `n1`, … in order of registration; `b0`, … for boxes. */
    readonly id: string
    readonly name: string
    readonly label: string
    readonly kind: string
    readonly steps: number
    /** The box around it. */
    readonly parent?: string
    readonly status?: Picture.State["status"]
  }
  /** Its centre. */
  readonly position?: { readonly x: number; readonly y: number }
}

export interface CytoscapeEdge {
  readonly data: { readonly id: string; readonly source: string; readonly target: string; readonly arm?: string }
}

export interface Elements {
  readonly elements: { readonly nodes: ReadonlyArray<CytoscapeNode>; readonly edges: ReadonlyArray<CytoscapeEdge> }
}

/** Its elements; with a layout, at their places (`layout: { name: "preset" }`). */
export const toCytoscape = (pipeline: Pipeline.Any, run?: Run, layout?: Layout): Elements => {
  const { nodes, edges, boxes } = Picture.make(pipeline, run)
  const parentOf = (box: number): { parent?: string } => (box === -1 ? {} : { parent: `b${box}` })
  const members = boxes.map(() => 0)
  for (const { box } of nodes) for (let at = box; at !== -1; at = boxes[at]!.box) members[at]!++
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
