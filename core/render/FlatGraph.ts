/** A graph without boxes, its layout, and the contract of what lays it out. Lengths are in CSS pixels. */

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** A graph without boxes, to be laid out: sizes of its nodes, and edges between their indices. */
export interface FlatGraph {
  readonly sizes: ReadonlyArray<Size>
  readonly edges: ReadonlyArray<readonly [from: number, to: number]>
}

/** The same laid out: the centres of the nodes, and the points of each edge from the lower border of one to the upper of another. */
export interface FlatLayout extends Size {
  readonly centres: ReadonlyArray<Point>
  readonly routes: ReadonlyArray<ReadonlyArray<Point>>
}

/** Lays out graphs without boxes. */
export interface Engine {
  readonly name: string
  /** Gives nothing for a graph that is too large for it; then the layers of this library are taken. */
  readonly layout: (graph: FlatGraph) => FlatLayout | undefined
}
