/** Pipelines as users import them: what one is, and the ways to declare one. */
export type { Chain } from "./pipeline/Chain.ts"
export { chain } from "./pipeline/Chain.ts"
export { fromTasks, make } from "./pipeline/Dataflow.ts"
export type * from "./pipeline/Pipeline.ts"
