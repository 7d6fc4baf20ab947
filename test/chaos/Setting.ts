/** Shared by all processes of one trial. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Errors, Store } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"

/** The setting of a process at its start. */
export interface Setting {
  /** The URL of Redis, as this process sees it. */
  readonly url: string
  readonly prefix: string
  /** The directory of the ledgers. */
  readonly directory: string
  /** The version of the program that it runs. */
  readonly version: 1 | 2
  /** How far its wall clock is ahead at first, in milliseconds. */
  readonly offMillis: number
}

/** Length of a lease: short, so that many leases end without their worker. */
export const LEASE_MILLIS = 2_000

/** Grace period of a worker: longer than any step takes. */
export const GRACE_MILLIS = 4_000

/** The Store. A lost worker never fails a step here, and the Store keeps everything until the end. */
const make = ({ url, prefix }: Pick<Setting, "url" | "prefix">, leaseMillis: number) =>
  RedisStore.make({
    url,
    prefix,
    leaseMillis,
    maxLosses: 1_000_000,
    historyCount: 10_000_000,
    historyMillis: 0,
    memoCount: 1_000_000
  })

/** The Store, and the name of each worker that claims from it. */
export const store = (
  setting: Pick<Setting, "url" | "prefix">,
  onWorker: (name: string) => void = () => undefined,
  leaseMillis: number = LEASE_MILLIS
): Layer.Layer<Store.Store, Errors.InvalidOption | Errors.StoreUnavailable> =>
  Layer.effect(
    Store.Store,
    Effect.map(make(setting, leaseMillis), (inner) => {
      let known = ""
      return {
        ...inner,
        claim: (request) => {
          if (request.worker !== known) {
            known = request.worker
            onWorker(known)
          }
          return inner.claim(request)
        }
      }
    })
  )

/** The setting of this process. */
export const readSetting = (): Setting => JSON.parse(process.env["CHAOS"]!) as Setting
