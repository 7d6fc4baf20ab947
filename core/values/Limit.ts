/** How much may run at once under one key, whoever runs it. Decided when work is claimed. */

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

/** What is wrong with a limit's key; nothing when it can be used. */
export const invalidKey = (what: string, key: unknown): InvalidOption | undefined =>
  Text.isKey(key, MAX_KEY_LENGTH, 0)
    ? undefined
    : new InvalidOption(`key of ${what}`, key, Text.keyRule(MAX_KEY_LENGTH, 0))

/** What is wrong with a limit; nothing when it can be used. */
export const invalid = (what: string, key: unknown, max: unknown): InvalidOption | undefined =>
  invalidKey(what, key) ?? OptionCheck.required(OptionCheck.integer, `max of ${what}`, max, 1)

/** The limit that a task asks for. Tasks with the same key share it, in whichever pipeline they are. */
export const ofTask = (key: string, max: number): Limit => ({ key: `task:${key}`, max })

/** How many steps of a pipeline may run at once. */
export const ofSteps = (pipelineId: string, max: number): Limit => ({ key: `steps:${pipelineId}`, max })

/** How many runs of a pipeline may be under way at once. */
export const ofRuns = (pipelineId: string, max: number): Limit => ({ key: `runs:${pipelineId}`, max })

/** One attempt at a time for one memo key. */
export const ofMemo = (text: string): Limit => ({ key: `memo:${text}`, max: 1 })

/** One run of a schedule after the other. */
export const ofSchedule = (scheduleId: string): Limit => ({ key: `schedule:${scheduleId}`, max: 1 })
