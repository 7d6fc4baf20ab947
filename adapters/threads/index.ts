/**
 * Threads for CPU-bound tasks: `Task.make("resize", { thread: new URL("./resize.ts", import.meta.url) })`.
 *
 * `Levada.make` provides them itself. A program made of layers provides this layer:
 *
 * @example
 * ```ts
 * import { Threads } from "levada/threads"
 *
 * const live = Levada.layer({ pipelines, access }).pipe(Layer.provide([Store.layerMemory(), Threads.layer()]))
 * ```
 * @module
 */
export * as Threads from "./Threads.ts"
