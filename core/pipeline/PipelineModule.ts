/** Pipelines as users import them: what one is, and the ways to declare one. */
export type { Chain } from "./Chain.ts"
export { chain } from "./Chain.ts"
export { fromTasks, make } from "./Dataflow.ts"
export type * from "./Pipeline.ts"
