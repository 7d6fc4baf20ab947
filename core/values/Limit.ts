/** Limits on concurrency: how much may run at once under one key, over all workers. The Store applies them at each claim. */

import { InvalidOption } from "./Errors.ts"
import * as OptionCheck from "./OptionCheck.ts"
import * as Text from "./Text.ts"

/** At most `max` holders of `key` at once, over all workers of a Store. */
export interface Limit {
  readonly key: string
  /** At least 1. */
  readonly max: number
}

/** The longest key, in UTF-16 units. */
export const MAX_KEY_LENGTH = 500

/** The failure for an invalid key of a limit; undefined for a valid one. */
export const invalidKey = (what: string, key: unknown): InvalidOption | undefined =>
  Text.isKey(key, MAX_KEY_LENGTH, 0)
    ? undefined
    : new InvalidOption(`key of ${what}`, key, Text.keyRule(MAX_KEY_LENGTH, 0))

/** The failure for an invalid limit; undefined for a valid one. */
export const invalid = (what: string, key: unknown, max: unknown): InvalidOption | undefined =>
  invalidKey(what, key) ?? OptionCheck.required(OptionCheck.integer, `max of ${what}`, max, 1)

/** The limit that a task declares. Tasks with the same key share it, in all pipelines. */
export const ofTask = (key: string, max: number): Limit => ({ key: `task:${key}`, max })

/** The limit on running steps of a pipeline. */
export const ofSteps = (pipelineId: string, max: number): Limit => ({ key: `steps:${pipelineId}`, max })

/** The limit on active runs of a pipeline. */
export const ofRuns = (pipelineId: string, max: number): Limit => ({ key: `runs:${pipelineId}`, max })

/** At most one attempt at once for a memo key. */
export const ofMemo = (key: string): Limit => ({ key: `memo:${key}`, max: 1 })

/** At most one run at once of a schedule. */
export const ofSchedule = (scheduleId: string): Limit => ({ key: `schedule:${scheduleId}`, max: 1 })
