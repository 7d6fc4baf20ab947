/**
 * Splits a picture into containers: the picture itself and its boxes, each with the edges between its own items. A box is one
 * node of the container around it. If a step outside a box both needs and feeds steps inside, the box would be part of a cycle:
 * such a box is left out, and its items belong to the container around it.
 */
import * as Dag from "../pipeline/Dag.ts"
import type { Picture } from "./Picture.ts"

/** A box with its items, or the picture itself. */
export interface Container {
  /** The box's index in the picture; -1 for the picture itself. */
  readonly box: number
  /** Nodes (by their index in the picture) and containers. */
  readonly items: ReadonlyArray<number | Container>
  /** Edges between items, by index in `items`, each pair once. */
  readonly edges: ReadonlyArray<readonly [from: number, to: number]>
  /** The edges of the picture that lead from one item to another: the index of each, and of its edge in `edges`. */
  readonly routed: ReadonlyArray<readonly [edge: number, at: number]>
}

/** All containers, the picture itself first; each comes after the container around it. */
export const containersOf = (
  picture: Picture
): { readonly outermost: Container; readonly all: ReadonlyArray<Container> } => {
  const parents = picture.boxes.map(({ box }) => box)
  const isOpen = picture.boxes.map(() => true)
  for (;;) {
    const all = contain(picture, parents, isOpen)
    const torn = all.flatMap((container) => tornIn(container))
    if (torn.length === 0) return { outermost: all[0]!, all }
    for (const box of torn) isOpen[box] = false
  }
}

interface Draft extends Container {
  readonly items: Array<number | Container>
  readonly edges: Array<readonly [number, number]>
  readonly routed: Array<readonly [number, number]>
  readonly places: Map<string, number>
}

const draft = (box: number): Draft => ({ box, items: [], edges: [], routed: [], places: new Map() })

const contain = (
  { nodes, edges, boxes }: Picture,
  parents: ReadonlyArray<number>,
  isOpen: ReadonlyArray<boolean>
): ReadonlyArray<Container> => {
  const outermost = draft(-1)
  const all: Array<Draft> = [outermost]
  const byBox = new Map<number, Draft>([[-1, outermost]])
  const around = (box: number): number => {
    let at = box
    while (at !== -1 && !isOpen[at]!) at = parents[at]!
    return at
  }
  // The container of each node and of each box, and its index among the container's items.
  const nodePlaces: Array<readonly [Draft, number]> = []
  const boxPlaces = new Map<number, readonly [Draft, number]>()
  const put = (item: number | Draft, box: number): readonly [Draft, number] => {
    const holder = byBox.get(box)!
    holder.items.push(item)
    return [holder, holder.items.length - 1]
  }
  for (const [at, { box }] of boxes.entries()) {
    if (!isOpen[at]) continue
    const container = draft(at)
    byBox.set(at, container)
    all.push(container)
    boxPlaces.set(at, put(container, around(box)))
  }
  for (const { box } of nodes) nodePlaces.push(put(nodePlaces.length, around(box)))

  /** The containers around a node, innermost first, each with the index of the item that is or contains the node. */
  const wayOut = (node: number): ReadonlyArray<readonly [Draft, number]> => {
    const way: Array<readonly [Draft, number]> = [nodePlaces[node]!]
    for (;;) {
      const next = boxPlaces.get(way[way.length - 1]![0].box)
      if (next === undefined) return way
      way.push(next)
    }
  }
  for (const [edge, { from, to }] of edges.entries()) {
    const outwards = new Map(wayOut(to))
    for (const [holder, start] of wayOut(from)) {
      const end = outwards.get(holder)
      if (end === undefined) continue
      const key = `${start} ${end}`
      let at = holder.places.get(key)
      if (at === undefined) {
        at = holder.edges.length
        holder.places.set(key, at)
        holder.edges.push([start, end])
      }
      holder.routed.push([edge, at])
      break
    }
  }
  return all
}

/** The boxes that are on a cycle of a container's edges, or on a path between two cycles. */
const tornIn = ({ items, edges }: Container): ReadonlyArray<number> => {
  const needs: ReadonlyArray<Array<number>> = items.map(() => [])
  for (const [from, to] of edges) needs[to]!.push(from)
  // What waits in both directions is reached from a cycle, and leads to one.
  const { dependents, waiting } = Dag.sort(needs)
  const { waiting: waitingBack } = Dag.sort(dependents)
  return items.flatMap((item, at) =>
    waiting[at]! > 0 && waitingBack[at]! > 0 && typeof item !== "number" ? [item.box] : []
  )
}
