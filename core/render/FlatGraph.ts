/** The contract of layout engines: a graph without boxes, and its layout. Lengths are in CSS pixels. */

/** A place. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** A width and a height. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** A graph without boxes and without cycles: the sizes of its nodes, and edges between their indices, each once. */
export interface FlatGraph {
  readonly sizes: ReadonlyArray<Size>
  readonly edges: ReadonlyArray<readonly [from: number, to: number]>
}

/** The layout: the centre of each node, and for each edge its points from the lower border of `from` to the upper border of `to`. */
export interface FlatLayout extends Size {
  readonly centres: ReadonlyArray<Point>
  readonly routes: ReadonlyArray<ReadonlyArray<Point>>
}

/** Lays out graphs without boxes. */
export interface Engine {
  readonly name: string
  /** Gives undefined for a graph that is too large for the engine; the layers of this library are used instead. */
  readonly layout: (graph: FlatGraph) => FlatLayout | undefined
}
