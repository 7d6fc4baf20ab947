/** The public `Pipeline` namespace: the types, and the functions that declare a pipeline. */
export type { Chain } from "./pipeline/Chain.ts"
export { chain } from "./pipeline/Chain.ts"
export { fromTasks, make } from "./pipeline/Dataflow.ts"
export type * from "./pipeline/Pipeline.ts"
