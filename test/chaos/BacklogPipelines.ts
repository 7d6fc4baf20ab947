/** Pipelines of which a great many runs wait: one is paused, of the other only a few runs may be under way. */
import { build, type Case } from "./Case.ts"
import { mix, mixing } from "./Tasks.ts"

/** Runs wait until it is resumed, and then all of them are worked off. */
export const paused: Case = {
  pipeline: build("backlog_paused", [mixing("fetch", ["seed"], { millis: 0 })]),
  values: (seed) => ({ fetchd: mix("fetch", seed) }),
  ends: "COMPLETED",
  weight: 0
}

/** Runs wait for the few before them, which are slow, until all of them are cancelled. */
export const full: Case = {
  pipeline: build("backlog_full", [mixing("serve", ["seed"], { millis: 1_500 })], { limit: { runs: 3 } }),
  values: (seed) => ({ served: mix("serve", seed) }),
  ends: "COMPLETED",
  maxRuns: 3,
  weight: 0
}
