/** Requests to the routes of pictures: their types and Schemas, and their decoding. */
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { choice, textOf } from "../server/SchemaParts.ts"

/** The query of a picture. */
export interface PictureQuery {
  /** The id of a run of the pipeline, whose states the picture shows. */
  readonly run?: string
}

/** The query of a picture that has a layout. */
export interface LayoutQuery extends PictureQuery {
  /** Default: `dagre`, and `layers` for a graph that is too large for dagre. */
  readonly engine?: EngineName
}

/** What lays out pictures. */
export type EngineName = "dagre" | "layers"

const run = Schema.optionalKey(textOf("a run's id", "The id of a run of the pipeline, whose states the picture shows."))

/** The Schema of a `PictureQuery`. */
export const pictureQuery: Decoding.ObjectSchema<PictureQuery> = Schema.Struct({ run })

/** The Schema of a `LayoutQuery`. */
export const layoutQuery: Decoding.ObjectSchema<LayoutQuery> = Schema.Struct({
  run,
  engine: Schema.optionalKey(
    choice(["dagre", "layers"], "Default: dagre, and layers for a graph that is too large for dagre.")
  )
})

/** Decodes the query of a picture. */
export const toPicture: (query: string) => Result.Result<PictureQuery, BadRequest> = Decoding.query(pictureQuery)

/** Decodes the query of a picture that has a layout. */
export const toLayout: (query: string) => Result.Result<LayoutQuery, BadRequest> = Decoding.query(layoutQuery)
