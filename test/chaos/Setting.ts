/** What all processes of one trial have in common. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Errors, Store } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"

/** What a process is told when it is started. */
export interface Setting {
  /** Where Redis is, as this process sees it. */
  readonly url: string
  readonly prefix: string
  /** Where the ledgers are. */
  readonly directory: string
  /** Which version of the program it runs. */
  readonly version: 1 | 2
  /** How far its wall clock is ahead at first, in milliseconds. */
  readonly offMillis: number
}

/** How long a claim lasts: short, so that many of them end without their worker. */
export const LEASE_MILLIS = 2_000

/** How long a worker that is told to end may let its steps run: longer than any of them takes. */
export const GRACE_MILLIS = 4_000

/** The Store. Losing workers is no step's fault here, and everything has to be there at the end. */
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

/** The Store, and the name of each worker that asks it for work. */
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

/** What this process was told. */
export const told = (): Setting => JSON.parse(process.env["CHAOS"]!) as Setting
