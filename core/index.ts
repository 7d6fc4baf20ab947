/**
 * Task pipelines as Effect services: values, contracts, behaviour. Nothing in here needs a runtime or a server.
 * @module
 */
export * as Access from "./Access.ts"
export * as Dag from "./Dag.ts"
export { toDot } from "./Dot.ts"
export * as Errors from "./Errors.ts"
export * as Event from "./Event.ts"
export * as Guard from "./Guard.ts"
export * as Operations from "./Operations.ts"
export * as Parameters from "./Parameters.ts"
export * as Pipeline from "./Pipeline.ts"
export * as Plan from "./Plan.ts"
export * as Principal from "./Principal.ts"
export * as Registry from "./Registry.ts"
export * as Results from "./Results.ts"
export * as Run from "./Run.ts"
export * as Step from "./Step.ts"
export * as Store from "./Store.ts"
export * as Task from "./Task.ts"
export * as Version from "./Version.ts"
export * as Worker from "./Worker.ts"
