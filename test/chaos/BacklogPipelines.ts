/** Pipelines with very many waiting runs: one is paused, the other has a low limit of runs. */
import { build, type Case } from "./Case.ts"
import { mix, mixing } from "./Tasks.ts"

/** Its runs wait until it is resumed; then all of them finish. */
export const paused: Case = {
  pipeline: build("backlog_paused", [mixing("fetch", ["seed"], { millis: 0 })]),
  values: (seed) => ({ fetchd: mix("fetch", seed) }),
  ends: "COMPLETED",
  weight: 0
}

/** Its runs wait behind a few slow ones, until all of them are cancelled. */
export const full: Case = {
  pipeline: build("backlog_full", [mixing("serve", ["seed"], { millis: 1_500 })], { limit: { runs: 3 } }),
  values: (seed) => ({ served: mix("serve", seed) }),
  ends: "COMPLETED",
  maxRuns: 3,
  weight: 0
}
