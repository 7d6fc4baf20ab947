/**
 * How a Store on Redis is laid out: each key, field, letter and bound by a name. TypeScript imports these tables; in a `.lua`
 * file the generator puts the text or number in the place of a name such as `KEY.run`.
 */
import { MAX_TOGETHER } from "../../../core/json/Value.ts"
import { MAX_ITEM_ERRORS, MAX_UNIT_ERRORS } from "../../../core/run/ItemList.ts"
import { KEPT_CHANGES } from "../../../core/store/Feed.ts"

/** Keys, each behind the prefix, whose hash tag puts all of them into one slot. What ends with `:` has a name behind it. */
export const KEY = {
  clock: "clock", // the last instant of the Store, and how far it is ahead of the server: see clock.lua
  serial: "serial", // counts what waits: queues, and those that wait for a limit
  order: "order", // the last place in the order of submission
  meta: "meta", // hash: `format` of what is kept here, `skew` as in `clock`
  torn: "torn", // when a script last failed while it wrote, from when on the mender looks at all runs

  run: "r:", // hash by run: see RUN
  lines: "g:", // list by run: its log lines
  named: "key:", // by pipeline, line feed and idempotency key: the run, line feed, fingerprint
  plan: "p:", // hash by digest: see PLAN
  items: "x:", // hash by run and step: see ITEMS
  itemWork: "z:", // hash by run and step: leases and records of units of its items, see WORK
  itemsAgain: "y:", // list by run and step: units to be lent again
  staged: "s:", // hash by claim: items or outputs that are too long for one call; with `:z` behind it their leases

  ready: "ready", // sorted set of queues that have ready units, by priority and turn
  queue: "q:", // list by priority and version, with `|` between them: ready units
  alone: "alone", // sorted set of the same names, for units that run alone
  aloneQueue: "a:", // list by priority and version: units that run alone
  leases: "leases", // sorted set of unit and token, with `|` between them, by the end of the lease
  tokens: "tokens", // counts the acts that have lent
  stopping: "stopping", // hash: limits that a revoked lease goes on holding until its worker has stopped
  due: "due", // sorted set by instant: see DUE
  todo: "todo", // list of what acts have left to be done: see countdown.lua

  held: "held:", // set by limit: the units and runs that hold it
  linesOf: "lines:", // set by limit: its lines, each a number of places, line feed, and a version or `run`
  line: "line:", // sorted set by limit, line feed and line: units and runs that wait
  waits: "waits", // set of limits that runs wait for

  feed: "feed", // stream of which run has got which events
  all: "all", // sorted set of runs by submission, as the next four; of one pipeline with `:` and its id behind the name
  unfinished: "unfinished",
  running: "running",
  failed: "failed",
  cancelled: "cancelled",
  ended: "ended", // sorted set by end: plan, run, and status; with `x` behind it for one that has more than its own hash

  idle: "idle:", // sorted set by digest of versions: waiting workers, by when they began to wait
  versions: "versions:", // set by digest: these versions, and an empty member
  digests: "digests", // set of digests that waiting workers have
  workers: "workers", // sorted set of digest and worker, by when the worker last said that it is there
  watchers: "watchers", // while it exists, news name the runs that change
  waiters: "waiters", // while it exists, news name the runs that end
  news: "news", // channel: see NEWS

  memo: "memo:", // by digest: the outputs of a memoised step
  memos: "memos", // sorted set of these digests, by when they were last asked for
  dead: "dead", // list of the newest 1,000 steps that lost too many workers
  gone: "gone", // sorted set by instant: references of values in the blob store that are to be removed
  paused: "paused", // set of pipelines

  schedules: "schedules", // set of ids
  schedule: "schedule:", // hash by id: see SCHEDULE
  schedulesDue: "schedules:due", // sorted set of ids by next instant
  scheduleRuns: "schedules:runs:", // set by id: unfinished runs that the schedule has started

  definitions: "definitions", // hash of pipelines that were registered
  acls: "acls", // hash by pipeline
  audit: "audit", // stream of records
  rate: "rate:", // list by key: instants of what was taken, newest first
  token: "token:", // by digest: the principal of a token
  issued: "issued" // sorted set of digests of tokens, by their end
} as const

/**
 * Fields of a run. Its events have their sequence as their field. The header is status, steps left, number of events,
 * whether it is open, whether it has lost a step, the optional fields that it has, bytes of its values, policy (its first
 * letter), priority and plan, with `|` between them. The fields from `firstError` on are optional.
 */
export const RUN = {
  header: "h",
  submitted: "m", // its place in the order of submission
  dropped: "D", // how many log lines were dropped
  value: "v", // with a name behind it
  firstError: "e",
  lacksVital: "b", // whether a vital step has ended without an output
  limits: "k",
  holdsLimits: "a", // `1`, or `0` for a run that gave its limits away: see limits.lua
  line: "w", // key of the line that it waits in
  waitsSince: "H", // serial
  wasReleased: "y", // whether a step was released before the run was open
  due: "d", // letters of what is due of it, as in KEY.due
  timeout: "T", // milliseconds
  schedule: "c",
  named: "t", // pipeline, line feed and idempotency key
  given: "G", // object whose keys are the names of the values that were given
  own: "j", // what is known of it alone
  itemSteps: "E", // the steps that have items, each with `,` behind it
  references: "B", // references into the blob store, each with a line feed behind it
  todo: "W", // how many entries it has in KEY.todo
  keptItems: "I", // no field: whether it keeps items of the run that it repeats
  records: "u" // no field: whether units have records
} as const

/** What values and their names begin with that are no values of steps. No name and no JSON begins so. */
export const MARK = {
  reference: "@", // of a value: the reference into the blob store behind it takes its place (byte 64 in base.lua)
  keptItems: "\u0001" // of a name: the completed items of the step whose index is behind it
} as const

/** What separates the texts of claims, and of ITEMS.firstFailed. No name and no JSON has it. */
export const SEPARATOR = "\u001f"

/** Fields of a run that have the index of a step behind them. Its lease and record are in WORK. */
export const OF_STEP = {
  inputs: "w", // how many of the steps that it waits for have ended
  over: "o", // it has ended without completing, or is a branch that has ended
  doom: "m", // why it will be skipped when its branch takes its arm
  givers: "g", // with `:` and a group: how many steps of the group are left
  items: "E", // it has items: `1`, or `k` for those that are kept after its end
  percent: "%" // percent of the last event about its progress
} as const

/** Fields of a unit of work, with its index behind them: of a step in its run, of items in KEY.itemWork. */
export const WORK = {
  lease: "l", // token, attempt, start, phase (lower case: alone), whether it holds limits, and worker; or empty; or an END
  record: "u" // see RECORD; of most units there is none
} as const

/** What a lease begins with whose unit has ended. Of items, the number of attempts is behind it. */
export const END = { completed: "+", failed: "-" } as const

/** What is known of a unit besides its lease, as JSON. */
export const RECORD = {
  attempts: "a",
  failures: "f",
  losses: "l", // how many workers were lost
  started: "t", // when its first attempt began
  isProbed: "p",
  limits: "k", // limits that the probe has found
  memo: "m", // digest of its memo key
  memoMillis: "e", // how long its outputs are remembered
  line: "w", // key of the line that it waits in; `@` where it waits until its run has its limits
  waitsSince: "h", // serial
  isDue: "d"
} as const

/** Fields of the items of a step. A unit is one item or several. */
export const ITEMS = {
  units: "N",
  items: "n",
  unitSize: "z", // how many items a unit has
  nextUnit: "x", // the first one that was never lent
  lent: "l", // how many units are lent
  endedUnits: "D",
  endedItems: "d",
  memoisedItems: "m",
  failedItems: "f",
  retryEvents: "e", // how many events told of single items that are tried again
  failureEvents: "o", // how many events told of failed items
  errors: "F", // how many errors of units are kept
  firstFailed: "h", // the first failed items, each with its error
  resultBytes: "L",
  isQueued: "q", // whether the step is queued for its items
  againCount: "g", // how many units are to be lent again
  hasRecords: "U",
  hasKept: "K", // whether units were completed from the start
  attempt: "a", // the attempt that has read the list
  started: "t", // when that attempt began
  unit: "v", // with a unit behind it: its item or items
  result: "r", // with output, `:` and unit behind it
  error: "e", // with a unit behind it
  chunkEnded: "n", // with a chunk behind it: how many of its units have ended
  chunkResults: "c", // with output, `:` and chunk behind it: its results, one after the other
  folded: "f" // with a name behind it: the last output of a step whose items go in order
} as const

/** Fields of a plan. The field of a step is its index: see STEP. */
export const PLAN = {
  version: "q", // version, `:` and pipeline
  first: "b", // the steps that wait for nothing
  size: "c", // how many steps there are; written last
  steps: "m", // what reading a run needs of its steps
  shape: "j", // what is known of its runs from the start
  runs: "#", // how many runs have it
  isUncertain: "?" // whether that number may be wrong
} as const

/** A step of a plan, as JSON. Steps are named by their indices, as texts. */
export const STEP = {
  name: "n",
  waits: "w", // for how many steps it waits
  releases: "r",
  isSoleInput: "f", // whether the steps that it releases wait for nothing else
  reads: "d",
  losses: "l", // the steps that need its outputs, each with the group that can do without
  groups: "g", // how many steps each group has
  branch: "b",
  arms: "a",
  isProbed: "p",
  expands: "x", // see EXPANDS
  limits: "k",
  isVital: "v",
  initial: "i"
} as const

/** How a step goes through its items. */
export const EXPANDS = {
  inOrder: "o",
  max: "m", // how many units may be lent at once
  outputs: "u",
  lists: "s", // names of the values that have the items
  onFailure: "h", // first letter of the policy
  tolerated: "t"
} as const

/** Fields of a schedule. */
export const SCHEDULE = {
  definition: "d",
  created: "c",
  next: "n",
  isPaused: "p",
  last: "l",
  lastRun: "r",
  fired: "f",
  skipped: "k",
  pipeline: "i",
  version: "V"
} as const

/** The status of a run, in its header and in KEY.ended. */
export const STATUS = { pending: "P", running: "R", completed: "C", failed: "F", cancelled: "X" } as const

/** The policy of a run, and of items: the first letter of its name. */
export const POLICY = { failFast: "f", continue: "c", skip: "s" } as const
export const ITEM_POLICY = { fail: "f", skip: "s", collect: "c" } as const

/** What the text of an event begins with. Its instant follows; of a step, then its index and attempt. */
export const EVENT = {
  runStarted: "RS",
  runCompleted: "RC",
  runFailed: "RF",
  runCancelled: "RX",
  stepStarted: "SS",
  stepProgressed: "SP",
  stepCompleted: "SC",
  stepRetried: "SR",
  stepFailed: "SF",
  itemFailed: "SI",
  stepReleased: "SL",
  stepSkipped: "SK",
  stepCancelled: "SX"
} as const

/** For what a unit is lent. In lower case: to a worker that has nothing else. */
export const PHASE = { run: "R", probe: "P", expand: "E" } as const

/** How a worker settles a claim. */
export const OUTCOME = {
  completed: "C",
  staged: "S", // completed, with outputs that were put aside
  someFailed: "D", // a unit of several items, of which some have failed
  failed: "F",
  retried: "T",
  released: "L",
  probed: "P",
  expanded: "X"
} as const

/** What is due: the first letter of a member of KEY.due, behind which the run or unit is named, and in RUN.due. */
export const DUE = { start: "s", timeout: "t", unit: "u" } as const

/** What is said of a run that is submitted, besides its values. */
export const EXTRA = {
  own: "j",
  delay: "D",
  timeout: "T",
  limits: "k",
  given: "G",
  schedule: "c",
  keptItems: "I",
  key: "t",
  fingerprint: "F",
  bytes: "V", // how many bytes of values are in its hash already
  references: "B"
} as const

/** What a message of KEY.news tells. */
export const NEWS = {
  workers: "w", // workers that there is work for
  runs: "r", // runs that have changed
  ended: "e", // runs that have ended
  revoked: "x", // claims that were taken away: worker and token
  schedules: "s", // `1`: schedules have changed
  tables: "d" // `1`: definitions or ACLs have changed
} as const

/** Bounds that both sides keep to. */
export const BOUND: Readonly<Record<BoundName, number>> = {
  absentMillis: 15_000, // a worker is gone that has said nothing for so long
  perMilli: 1_000, // how many places in the order of submission a millisecond has
  reads: 500, // at how many things a script that reads looks in one call
  looks: 500, // at how many things one act looks
  replyBytes: 1 << 20, // about how many bytes an act answers with
  chunk: 1_000, // how many units have their results put together
  mendedUnits: 240, // at how many units of a list one call of `mend` looks
  forgotten: 200, // how many runs one act forgets
  keptChanges: KEPT_CHANGES,
  inputs: MAX_TOGETHER, // how many times the longest value all inputs of a step may have together
  itemErrors: MAX_ITEM_ERRORS,
  unitErrors: MAX_UNIT_ERRORS
}

type BoundName =
  | "absentMillis"
  | "perMilli"
  | "reads"
  | "looks"
  | "replyBytes"
  | "chunk"
  | "mendedUnits"
  | "forgotten"
  | "keptChanges"
  | "inputs"
  | "itemErrors"
  | "unitErrors"

/** All tables, as `.lua` files name them. */
export const TABLES: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
  KEY,
  RUN,
  MARK,
  OF_STEP,
  WORK,
  END,
  RECORD,
  ITEMS,
  PLAN,
  STEP,
  EXPANDS,
  SCHEDULE,
  STATUS,
  POLICY,
  ITEM_POLICY,
  EVENT,
  PHASE,
  OUTCOME,
  DUE,
  EXTRA,
  NEWS,
  BOUND
}
