/** Layouts of pipelines, each made once and kept. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import { type Engine, fromPipeline, isWithin, LAYERS, type Layout } from "../../../core/render/Layout.ts"
import type { LayoutTooLarge } from "../../../core/values/Errors.ts"
import { LIMITS, load } from "../../dagre/LoadedDagre.ts"
import { BadRequest } from "../server/Failures.ts"
import type { EngineName } from "./PictureRequests.ts"

type Made = Result.Result<Layout, LayoutTooLarge>

/** The most layouts that are kept for one engine, and their most bytes, as estimated. */
const MAX_KEPT = 100
const MAX_BYTES = 1 << 24

/** The layouts of one engine. When there are too many, the one that was used least recently is dropped. */
export class LayoutCache {
  readonly #kept: Map<Pipeline, { readonly made: Made; readonly bytes: number }> = new Map()
  #bytes = 0

  of(pipeline: Pipeline, engine: Engine): Made {
    const known = this.#kept.get(pipeline)
    if (known !== undefined) {
      this.#kept.delete(pipeline)
      this.#kept.set(pipeline, known)
      return known.made
    }
    const made = fromPipeline(pipeline, engine)
    const bytes = bytesOf(made)
    this.#kept.set(pipeline, { made, bytes })
    this.#bytes += bytes
    for (const [oldest, dropped] of this.#kept) {
      if (this.#kept.size <= MAX_KEPT && this.#bytes <= MAX_BYTES) break
      this.#kept.delete(oldest)
      this.#bytes -= dropped.bytes
    }
    return made
  }

  /** The estimated size of all layouts. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#kept.size
  }
}

/** An estimate: objects of a few numbers, and names of two bytes a character. */
const bytesOf = (made: Made): number => {
  if (Result.isFailure(made)) return 1_000
  const { nodes, edges, boxes } = made.success
  const named = [...nodes, ...boxes].reduce((sum, { name, label }) => sum + 200 + 2 * (name.length + label.length), 0)
  return edges.reduce((sum, { points }) => sum + 120 + 40 * points.length, named)
}

const caches: Readonly<Record<EngineName, LayoutCache>> = { dagre: new LayoutCache(), layers: new LayoutCache() }

const exitOf = (made: Made): Exit.Exit<Layout, LayoutTooLarge> =>
  Result.isSuccess(made) ? Exit.succeed(made.success) : Exit.fail(made.failure)

const NOT_INSTALLED = new BadRequest(
  501,
  "LayoutUnavailableError",
  "This server has no dagre to lay out the picture: run `npm install @dagrejs/dagre`, or ask for `?engine=layers`"
)

/** The layout of a pipeline. Fails for a pipeline that is too large, and where dagre is asked for and not installed. */
export const layoutOf = (
  pipeline: Pipeline,
  engine: EngineName = "dagre"
): Effect.Effect<Layout, LayoutTooLarge | BadRequest> =>
  engine === "layers" || !isWithin(LIMITS, pipeline)
    ? exitOf(caches.layers.of(pipeline, LAYERS))
    : Effect.flatMap(
        // Once loaded, no request waits for it.
        dagre === undefined ? Effect.promise(load) : Exit.succeed(dagre),
        (found): Effect.Effect<Layout, LayoutTooLarge | BadRequest> => {
          dagre = found
          return found === undefined ? Effect.fail(NOT_INSTALLED) : exitOf(caches.dagre.of(pipeline, found))
        }
      )

let dagre: Engine | undefined

/** The layout of a pipeline by dagre if it is installed, otherwise in layers. */
export const anyLayoutOf = (pipeline: Pipeline, engine?: EngineName): Effect.Effect<Layout, LayoutTooLarge> =>
  Effect.catchTag(layoutOf(pipeline, engine), "BadRequest", () => exitOf(caches.layers.of(pipeline, LAYERS)))
