/** The public `Store` namespace: the contract, and the layer of the memory Store. */
import * as Layer from "effect/Layer"
import * as MemoryStore from "./memory/MemoryStore.ts"
import { Store } from "./store/Store.ts"
import type { InvalidOption } from "./values/Errors.ts"

export type { ItemList, ItemState, ItemStatus, ItemsRequest } from "./run/ItemList.ts"
export type { NewRun } from "./run/NewRun.ts"
export * from "./store/Store.ts"
export type * from "./store/Work.ts"

/** A Store in the memory of this process. Its unfinished runs are cancelled when the layer's scope closes. */
export const layerMemory = (options?: MemoryStore.Options): Layer.Layer<Store, InvalidOption> =>
  Layer.effect(Store, MemoryStore.make(options))
