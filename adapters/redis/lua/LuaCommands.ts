/** The Lua scripts, assembled from parts: one for each change of state, and some that only read. */
import { PARTS, type Part } from "./Parts.generated.ts"

const CLOCK: ReadonlyArray<Part> = ["store", "time", "clock"]
const RUNS: ReadonlyArray<Part> = [
  ...CLOCK,
  "base",
  "queues",
  "items",
  "units",
  "limits",
  "countdown",
  "ends",
  "commit"
]
const OUTCOMES: ReadonlyArray<Part> = [...RUNS, "outcomes"]

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
  | "now"
  | "gone"
  | "look"
  | "fields"
  | "sizes"
  | "lines"
  | "list"
  | "leases"
  | "scan"
  | "records"
  | "keep"
  | "take"
  | "keepToken"
  | "putSchedule"
  | "getSchedule"
  | "readSchedules"
  | "dropSchedule"
  | "pauseSchedule"
  | "dueSchedules"
  | "fireSchedule"

/** The parts of each script, in order. Only the last one belongs to the script alone. */
export const PARTS_OF: Readonly<Record<ScriptName, ReadonlyArray<Part>>> = {
  submit: [...RUNS, "submit", "commands/submit"],
  plan: ["store", "commands/plan"],
  aside: ["store", "commands/aside"],
  work: [...OUTCOMES, "answer", "granting", "commands/work"],
  renew: [...CLOCK, "commands/renew"],
  note: [...RUNS, "commands/note"],
  cancel: [...RUNS, "commands/cancel"],
  cancelStep: [...RUNS, "commands/cancelStep"],
  remove: [...RUNS, "commands/remove"],
  resume: [...RUNS, "commands/resume"],
  retain: [...RUNS, "commands/retain"],
  tick: [...OUTCOMES, "commands/tick"],
  todo: [...OUTCOMES, "commands/todo"],
  mend: [...OUTCOMES, "commands/mend"],
  now: [...CLOCK, "commands/now"],
  gone: [...CLOCK, "commands/gone"],

  look: ["store", "commands/look"],
  fields: ["store", "commands/fields"],
  sizes: ["store", "commands/sizes"],
  lines: ["store", "commands/lines"],
  list: ["store", "commands/list"],
  leases: ["store", "commands/leases"],
  scan: ["store", "commands/scan"],
  records: ["store", "commands/records"],

  keep: ["store", "commands/keep"],
  take: ["store", "time", "commands/take"],
  keepToken: ["store", "time", "commands/keepToken"],

  putSchedule: ["store", "schedules", "commands/putSchedule"],
  getSchedule: ["store", "schedules", "commands/getSchedule"],
  readSchedules: ["store", "schedules", "commands/readSchedules"],
  dropSchedule: ["store", "commands/dropSchedule"],
  pauseSchedule: ["store", "schedules", "commands/pauseSchedule"],
  dueSchedules: [...CLOCK, "commands/dueSchedules"],
  fireSchedule: [...RUNS, "submit", "commands/fireSchedule"]
}

/** The text of each script. */
export const SCRIPTS: Readonly<Record<ScriptName, string>> = Object.fromEntries(
  Object.entries(PARTS_OF).map(([name, parts]) => [name, parts.map((part) => PARTS[part]).join("\n")])
) as Record<ScriptName, string>
