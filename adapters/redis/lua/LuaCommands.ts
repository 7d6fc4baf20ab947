/** The scripts: one for each change of state, put together from parts. */

import { CONSTANTS } from "./Codes.ts"
import { KEEP_TOKEN, TAKE } from "./LuaAccess.ts"
import { READING, type ReadingScript } from "./LuaReading.ts"
import { type ScheduleScript, schedules } from "./LuaSchedules.ts"
import { PARTS, type Part } from "./Parts.generated.ts"

const RUNS: ReadonlyArray<Part> = ["clock", "base", "queues", "items", "units", "limits", "countdown", "ends", "commit"]
const OUTCOMES: ReadonlyArray<Part> = [...RUNS, "outcomes"]

const CONSTANT = new RegExp(`\\b(?:${Object.keys(CONSTANTS).join("|")})\\b`, "g")

/**
 * A script. One that only makes room works also where memory is full. Constants are put in as numbers: a chunk of Lua has
 * room for 200 local variables.
 */
const script = (parts: ReadonlyArray<Part>, isFreeing = false): string =>
  [`local isFreeing = ${isFreeing}`, ...parts.map((part) => PARTS[part])]
    .join("\n")
    .replace(CONSTANT, (name) => String(CONSTANTS[name]))

/** The name of a script. */
export type ScriptName =
  | "submit"
  | "plan"
  | "aside"
  | "work"
  | "renew"
  | "note"
  | "cancel"
  | "cancelStep"
  | "remove"
  | "resume"
  | "retain"
  | "tick"
  | "todo"
  | "mend"
  | "gone"
  | "now"
  | "take"
  | "keepToken"
  | ReadingScript
  | ScheduleScript

/** The text of each script. */
export const SCRIPTS: Readonly<Record<ScriptName, string>> = {
  take: TAKE,
  keepToken: KEEP_TOKEN,
  submit: script([...RUNS, "submit", "commands/submit"]),
  plan: PARTS["commands/plan"],
  aside: PARTS["commands/aside"],
  work: script([...OUTCOMES, "answer", "lending", "commands/work"]),
  renew: script(["clock", "commands/renew"]),
  note: script([...RUNS, "commands/note"]),
  cancel: script([...RUNS, "commands/cancel"]),
  cancelStep: script([...RUNS, "commands/cancelStep"]),
  remove: script([...RUNS, "commands/remove"], true),
  resume: script([...RUNS, "commands/resume"]),
  retain: script([...RUNS, "commands/retain"], true),
  tick: script([...OUTCOMES, "commands/tick"]),
  todo: script([...OUTCOMES, "commands/todo"]),
  mend: script([...OUTCOMES, "commands/mend"]),
  now: script(["clock", "commands/now"]),
  gone: script(["clock", "commands/gone"]),
  ...READING,
  ...schedules(script([...RUNS, "submit"]))
}
