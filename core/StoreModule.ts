/** The Store as users import it: its contract, and the one in memory. */
import * as Layer from "effect/Layer"
import type { InvalidOption } from "./Errors.ts"
import * as MemoryStore from "./MemoryStore.ts"
import { Store } from "./Store.ts"

export type { ItemList, ItemState, ItemStatus, ItemsRequest } from "./ItemList.ts"
export type { NewRun } from "./NewRun.ts"
export * from "./Store.ts"
export type * from "./Work.ts"

/** A Store in the memory of this process. Its unfinished runs are cancelled when the layer's scope closes. */
export const layerMemory = (options?: MemoryStore.Options): Layer.Layer<Store, InvalidOption> =>
  Layer.effect(Store, MemoryStore.make(options))
