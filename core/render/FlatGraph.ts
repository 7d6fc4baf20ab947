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

/** The size of a pipeline, as far as it decides how long a layout takes. */
export interface Limits {
  readonly steps: number
  /** The lengths of all edges together. An edge between neighbouring levels has length 1. */
  readonly length: number
}

/** Lays out graphs without boxes. */
export interface Engine {
  readonly name: string
  /** The largest pipelines that the engine is used for. Larger ones get layers. */
  readonly limits: Limits
  readonly layout: (graph: FlatGraph) => FlatLayout
}
