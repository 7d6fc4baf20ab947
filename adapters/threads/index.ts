/**
 * Threads for tasks that compute: `Task.make("resize", { thread: new URL("./resize.ts", import.meta.url) })`.
 *
 * `Levada.make` brings them along. A program of layers provides them:
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
