/**
 * Renders a pipeline as text for a terminal: one row for each step, after the rows of the steps that it needs, and lanes on the
 * left that lead to later steps, as version control draws history. Lanes are ASCII; names and signs may be any characters.
 */
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { Run } from "../run/Run.ts"
import * as Picture from "./Picture.ts"
import { detailsOf, shown } from "./Words.ts"

/** The most lanes. A wider graph gets no lanes: the steps that each step needs are listed after its name. */
const MAX_LANES = 24

/** The rows, each ending with a line feed. With a run, they also show the status of each step. */
export const toAscii = (pipeline: Pipeline.Any, run?: Run): string => {
  const { nodes, edges } = Picture.of(pipeline, run)
  const next: ReadonlyArray<Array<number>> = nodes.map(() => [])
  const needs: ReadonlyArray<Array<number>> = nodes.map(() => [])
  for (const { from, to } of edges) {
    next[from]!.push(to)
    needs[to]!.push(from)
  }
  const order = inOrder(next, needs)
  const texts = nodes.map((node) => {
    const details = detailsOf(node)
    return shown(node.name) + (details.length === 0 ? "" : ` (${details.join(", ")})`)
  })
  const drawn = lanes(order, next, texts)
  const rows =
    drawn ?? order.map((node) => `* ${texts[node]}${behind(needs[node]!.map((at) => shown(nodes[at]!.name)))}`)
  return `${rows.join("\n")}\n`
}

const behind = (names: ReadonlyArray<string>): string => {
  if (names.length === 0) return ""
  const some = names.slice(0, 5).join(", ")
  return ` <- ${some}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`
}

/** A topological order, depth first: the nodes that a node releases come soon after it, so that lanes are short. */
const inOrder = (
  next: ReadonlyArray<ReadonlyArray<number>>,
  needs: ReadonlyArray<ReadonlyArray<number>>
): ReadonlyArray<number> => {
  const waiting = needs.map((of) => of.length)
  const ready = waiting.flatMap((count, at) => (count === 0 ? [at] : [])).reverse()
  const order: Array<number> = []
  while (ready.length > 0) {
    const node = ready.pop()!
    order.push(node)
    for (const to of next[node]!.toReversed()) if (--waiting[to]! === 0) ready.push(to)
  }
  return order
}

/** The rows; undefined if there are too many lanes. */
const lanes = (
  order: ReadonlyArray<number>,
  next: ReadonlyArray<ReadonlyArray<number>>,
  texts: ReadonlyArray<string>
): ReadonlyArray<string> | undefined => {
  /** The step that each lane leads to. */
  const open: Array<number | undefined> = []
  const rows: Array<string> = []
  const free = (): number => {
    const at = open.indexOf(undefined)
    return at === -1 ? open.length : at
  }
  for (const node of order) {
    let place = open.indexOf(node)
    if (place === -1) place = free()
    open[place] = node
    if (open.length > MAX_LANES) return undefined
    const row = open.map((to, at) => (at === place ? "*" : to === undefined ? " " : "|"))
    rows.push(`${row.join(" ").trimEnd()} ${texts[node]}`)
    open[place] = undefined
    const ends: Array<number> = []
    for (const to of next[node]!) {
      let lane = open.indexOf(to)
      if (lane === -1) {
        lane = open[place] === undefined ? place : free()
        open[lane] = to
      }
      ends.push(lane)
    }
    if (open.length > MAX_LANES) return undefined
    if (ends.some((lane) => lane !== place)) rows.push(turn(open, place, ends))
    while (open.length > 0 && open[open.length - 1] === undefined) open.pop()
  }
  return rows
}

/** The row after a step: a line from its lane to the lanes of the steps that need it. Other lanes pass under the line. */
const turn = (open: ReadonlyArray<number | undefined>, place: number, ends: ReadonlyArray<number>): string => {
  const first = Math.min(place, ...ends)
  const last = Math.max(place, ...ends)
  let row = ""
  for (let at = 0; at < open.length; at++) {
    const isEnd = ends.includes(at)
    const goesOn = open[at] !== undefined
    if (at === place) row += isEnd || goesOn ? "|" : "'"
    else if (isEnd) row += "+"
    else if (goesOn) row += "|"
    else row += at > first && at < last ? "-" : " "
    row += at >= first && at < last ? "-" : " "
  }
  return row.trimEnd()
}
