/** The public `Store` namespace: the contract, the layer of the memory Store, and the services that come from a Store by default. */
import * as Layer from "effect/Layer"
import * as MemoryStore from "./memory/MemoryStore.ts"
import { Store } from "./store/Store.ts"
import type { InvalidOption } from "./values/Errors.ts"

export type { ItemList, ItemState, ItemStatus, ItemsRequest } from "./run/ItemList.ts"
export type { NewRun } from "./run/NewRun.ts"
export { Acls } from "./store/Acls.ts"
export { type AuditList, AuditLog, type AuditRecord, type AuditRequest, type NewRecord } from "./store/AuditLog.ts"
export { RateLimiter, type Taken } from "./store/RateLimiter.ts"
export * from "./store/Store.ts"
export { layer as layerServices } from "./store/StoreServices.ts"
export { Tokens } from "./store/Tokens.ts"
export type * from "./store/Work.ts"
export type { Rate } from "./values/Rate.ts"

/** A Store in the memory of this process. Its unfinished runs are cancelled when the layer's scope closes. */
export const layerMemory = (options?: MemoryStore.Options): Layer.Layer<Store, InvalidOption> =>
  Layer.effect(Store, MemoryStore.make(options))
