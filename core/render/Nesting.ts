/**
 * Which nodes and boxes are in which box, and which edges run between them there. A box whose steps have others between them
 * can't be drawn as one node: it is left out, and what is in it belongs to what is around it.
 */
import type { Picture } from "./Picture.ts"

/** A box with what is in it, or the picture itself. */
export interface Container {
  /** The box's index in the picture; -1 for the picture itself. */
  readonly box: number
  /** Nodes, by their index in the picture, and containers. */
  readonly items: ReadonlyArray<number | Container>
  /** Which items come before which, by index, each pair once. */
  readonly edges: ReadonlyArray<readonly [from: number, to: number]>
  /** Edges of the picture, by index, that are edges between its items, with the index of these. */
  readonly routed: ReadonlyArray<readonly [edge: number, at: number]>
}

/** All containers; each comes after the one around it. */
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
  // What holds an item, and where: of nodes by their index, of boxes by theirs.
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

  /** A node's holders from the innermost one outwards, each with the place in it that leads to the node. */
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

/** The boxes in a container that wait for each other. */
const tornIn = ({ items, edges }: Container): ReadonlyArray<number> => {
  const waiting = new Int32Array(items.length)
  const next: Array<Array<number>> = items.map(() => [])
  for (const [from, to] of edges) {
    waiting[to]!++
    next[from]!.push(to)
  }
  const order = items.flatMap((_, at) => (waiting[at] === 0 ? [at] : []))
  for (let at = 0; at < order.length; at++) {
    for (const to of next[order[at]!]!) if (--waiting[to]! === 0) order.push(to)
  }
  if (order.length === items.length) return []
  return items.flatMap((item, at) => (waiting[at]! > 0 && typeof item !== "number" ? [item.box] : []))
}
