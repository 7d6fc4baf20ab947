/** Pipelines whose tasks are rough with their process: they compute, block the main thread, leak errors, and go by time. */
import * as Schema from "effect/Schema"
import { Step, Task } from "../../adapters/promise/index.ts"
import { build, type Case } from "./Case.ts"
import { listing, mix, mixing } from "./Tasks.ts"

const computing = (name: string): Task.Any =>
  Task.make(name, {
    version: "1",
    input: { value: Schema.Number },
    output: { computed: Schema.Number },
    thread: new URL("./compute.ts", import.meta.url)
  })

const threaded: Case = {
  pipeline: build("threaded", [
    Step.make(computing("churn") as never, { inputs: { value: "seed" }, outputs: { computed: "churnd" } } as never),
    listing("sift", ["churnd"], "grains", ({ churnd = 0 }) => [churnd, churnd + 1, churnd + 2]),
    Step.map(
      computing("grind") as never,
      { over: { value: "grains" }, outputs: { computed: "flour" } } as never
    ) as Step.Any
  ]),
  values: (seed) => {
    const churnd = mix("churn", seed)
    const grains = [churnd, churnd + 1, churnd + 2]
    return { churnd, grains, flour: grains.map((grain) => mix("grind", grain)) }
  },
  ends: "COMPLETED",
  weight: 4
}

/** Longer than a lease lasts. */
const BLOCKED_MILLIS = 2_800

const blocking: Case = {
  pipeline: build("blocking", [
    mixing("block", ["seed"], {
      blocking: { millis: BLOCKED_MILLIS, times: ({ seed = 0 }) => 1 + (seed % 2) },
      millis: 0
    }),
    mixing("unblock", ["blockd"])
  ]),
  values: (seed) => {
    const blockd = mix("block", seed)
    return { blockd, unblockd: mix("unblock", blockd) }
  },
  ends: "COMPLETED",
  weight: 0.4
}

const retry = { times: 4, delayMillis: 60, factor: 1.5 }

const leaking: Case = {
  pipeline: build(
    "leaking",
    [
      mixing("drip", ["seed"], { retry, leaking: { how: "rejection", times: ({ seed = 0 }) => seed % 3 } }),
      mixing("spray", ["dripd"], { retry, leaking: { how: "timer", times: ({ dripd = 0 }) => dripd % 3 } }),
      mixing("burst", ["dripd"], { leaking: { how: "timer", times: () => Number.POSITIVE_INFINITY } }),
      mixing("mop", ["burstd"])
    ],
    { onFailure: "continue" }
  ),
  values: (seed) => {
    const dripd = mix("drip", seed)
    return { dripd, sprayd: mix("spray", dripd) }
  },
  ends: "FAILED",
  errors: { burst: "TaskLeaked" },
  weight: 6
}

/** Clocks may be further apart than its timeouts and all its retries may take: only a wrong clock could make it fail. */
const timed: Case = {
  pipeline: build("timed", [
    mixing("tick", ["seed"], {
      timeoutMillis: 120_000,
      retry: { ...retry, totalMillis: 240_000 },
      failing: () => 2
    }),
    mixing("tock", ["tickd"], { timeoutMillis: 120_000 })
  ]),
  values: (seed) => {
    const tickd = mix("tick", seed)
    return { tickd, tockd: mix("tock", tickd) }
  },
  ends: "COMPLETED",
  weight: 6,
  isUrgent: true
}

/** All of them. */
export const ROUGH: ReadonlyArray<Case> = [threaded, blocking, leaking, timed]
