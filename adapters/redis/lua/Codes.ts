/**
 * The layout of a Store on Redis: a name for each key, field, letter and bound. TypeScript imports these tables. In `.lua`
 * files the generator replaces names such as `KEY.run` by their values.
 */
import { MAX_TOGETHER } from "../../../core/json/Value.ts"
import { MAX_ITEM_ERRORS, MAX_UNIT_ERRORS } from "../../../core/run/ItemList.ts"
import { KEPT_CHANGES } from "../../../core/store/Feed.ts"

/** Keys, without the prefix. A key that ends with `:` has a name behind it. The prefix's hash tag puts all keys into one slot. */
export const KEY = {
  clock: "clock", // the last instant of the Store's clock, and how far it is ahead of the server's: see clock.lua
  serial: "serial", // counter that orders queues, and waiters for limits
  order: "order", // the last place in the order of submission
  meta: "meta", // hash: `format` of the data, `skew` as in `clock`
  torn: "torn", // when Redis last refused a write of a script; from then on the mender checks all runs

  run: "r:", // hash by run: see RUN
  lines: "g:", // list by run: its log lines
  named: "key:", // by pipeline, line feed and idempotency key: the run, line feed, fingerprint
  plan: "p:", // hash by digest: see PLAN
  items: "x:", // hash by run and step: see ITEMS
  itemWork: "z:", // hash by run and step: leases and records of units of its items, see WORK
  itemsAgain: "y:", // list by run and step: units to be granted again
  staged: "s:", // hash by claim: items or outputs that are too long for one call; with `:z` behind it the leases of such items

  ready: "ready", // sorted set of queues that have ready units, by priority and turn
  queue: "q:", // list by priority and version, with `|` between them: ready units
  alone: "alone", // sorted set of the same names, for units that run alone
  aloneQueue: "a:", // list by priority and version: units that run alone
  leases: "leases", // sorted set of unit and token, with `|` between them, by the end of the lease
  tokens: "tokens", // counter of the acts that granted leases
  stopping: "stopping", // hash: limits that a revoked lease holds until its worker has stopped
  due: "due", // sorted set by instant: see DUE
  todo: "todo", // list of postponed work: see countdown.lua

  held: "held:", // set by limit: the units and runs that hold it
  linesOf: "lines:", // set by limit: its lines, each a number of places, line feed, and a version or `run`
  line: "line:", // sorted set by limit, line feed and line: units and runs that wait
  waits: "waits", // set of limits that runs wait for

  feed: "feed", // stream: which run has got which events
  all: "all", // sorted set of runs by submission, as the next four; of one pipeline with `:` and its id behind the name
  unfinished: "unfinished",
  running: "running",
  failed: "failed",
  cancelled: "cancelled",
  ended: "ended", // sorted set by end: plan, run, and status; with `x` behind it for a run with keys besides its own hash

  idle: "idle:", // sorted set by digest of versions: waiting workers, by when they began to wait
  versions: "versions:", // set by digest: these versions, and an empty member
  digests: "digests", // set of digests that waiting workers have
  workers: "workers", // sorted set of digest and worker, by when the worker last reported its presence
  watchers: "watchers", // while it exists, messages of `news` name the runs that change
  waiters: "waiters", // while it exists, messages of `news` name the runs that end
  news: "news", // channel: see NEWS

  memo: "memo:", // by digest: the outputs of a memoised step
  memos: "memos", // sorted set of these digests, by when they were last used
  dead: "dead", // list of the newest 1,000 steps that lost too many workers
  gone: "gone", // sorted set by instant: references of values in the blob store that are to be removed
  paused: "paused", // set of pipelines

  schedules: "schedules", // set of ids
  schedule: "schedule:", // hash by id: see SCHEDULE
  schedulesDue: "schedules:due", // sorted set of ids by next instant
  scheduleRuns: "schedules:runs:", // set by id: unfinished runs that the schedule has started

  definitions: "definitions", // hash of registered pipelines
  acls: "acls", // hash by pipeline
  audit: "audit", // stream of records
  rate: "rate:", // list by key: instants of taken permits, newest first
  token: "token:", // by digest: the principal of a token
  issued: "issued" // sorted set of digests of tokens, by their end
} as const

/**
 * Fields of a run. The field of an event is its sequence number. The header has, separated by `|`: status, steps left, number
 * of events, whether the run is open, whether it has lost a step, the optional fields that it has, bytes of its values, policy
 * (first letter), priority and plan. The fields from `firstError` on are optional.
 */
export const RUN = {
  header: "h",
  submitted: "m", // its place in the order of submission
  dropped: "D", // how many log lines were dropped
  value: "v", // with a name behind it
  firstError: "e",
  lacksVital: "b", // whether a vital step has ended without an output
  limits: "k",
  holdsLimits: "a", // `1`; `0` for a run that gave its limits away: see limits.lua
  line: "w", // key of the line that it waits in
  waitsSince: "H", // serial
  wasReleased: "y", // whether a step was released before the run was open
  due: "d", // letters of its members of KEY.due
  timeout: "T", // milliseconds
  schedule: "c",
  named: "t", // pipeline, line feed and idempotency key
  given: "G", // object whose keys are the names of the values that were given
  own: "j", // its own properties, as JSON: see RunCode.ts
  itemSteps: "E", // the steps that have items, each with `,` behind it
  references: "B", // references to the blob store, each with a line feed behind it
  todo: "W", // how many entries it has in KEY.todo
  keptItems: "I", // only in the header: whether it keeps items of the run that it repeats
  records: "u" // only in the header: whether units have records
} as const

/** First characters of special values and names. No name of a value and no JSON begins with one. */
export const MARK = {
  reference: "@", // of a value: a reference to the blob store follows, a line feed, and bytes of its text (byte 64 in base.lua)
  keptItems: "\u0001" // of a name: the index of a step follows; the value is the completed items of that step
} as const

/** Separates the texts of claims, and of ITEMS.firstFailed. No name and no JSON contains it. */
export const SEPARATOR = "\u001f"

/** Fields of a run with the index of a step behind them. The fields of the step's lease and record are in WORK. */
export const OF_STEP = {
  inputs: "w", // how many of the steps that it waits for have ended
  over: "o", // the step has ended without completing, or is a branch that has ended
  doom: "m", // why it will be skipped when its branch takes its arm
  givers: "g", // with `:` and a group: how many steps of the group are left
  items: "E", // the step has items: `1`; `k` when they are kept after its end
  percent: "%" // percent in its last progress event
} as const

/** Fields of a unit of work, with its index behind them: of a step in the hash of its run, of items in KEY.itemWork. */
export const WORK = {
  lease: "l", // token, attempt, start, phase (lower case: alone), whether it holds limits, and worker; or empty; or an END
  record: "u" // see RECORD; most units have none
} as const

/** First character of the lease of an ended unit. For items, the number of attempts follows. */
export const END = { completed: "+", failed: "-" } as const

/** Properties of the record of a unit, which is JSON. */
export const RECORD = {
  attempts: "a",
  failures: "f",
  losses: "l", // how many workers it has lost
  started: "t", // when its first attempt began
  isProbed: "p",
  limits: "k", // limits that the probe has returned
  memo: "m", // digest of its memo key
  memoMillis: "e", // how long its outputs are memoised, in milliseconds
  line: "w", // key of the line that it waits in; `@` while it waits for the limits of its run
  waitsSince: "h", // serial
  isDue: "d"
} as const

/** Fields of the items of a step. A unit is one item or several. */
export const ITEMS = {
  units: "N",
  items: "n",
  unitSize: "z", // how many items a unit has
  nextUnit: "x", // the first unit that was never granted
  leased: "l", // how many units are leased
  endedUnits: "D",
  endedItems: "d",
  memoisedItems: "m",
  failedItems: "f",
  retryEvents: "e", // how many events reported retries of single items
  failureEvents: "o", // how many events reported failed items
  errors: "F", // how many errors of units are kept
  firstFailed: "h", // the first failed items, each with its error
  resultBytes: "L",
  isQueued: "q", // whether the step is queued for its items
  againCount: "g", // how many units are in KEY.itemsAgain
  hasRecords: "U",
  hasKept: "K", // whether units were completed from the start
  attempt: "a", // the attempt that has read the list
  started: "t", // when that attempt began
  unit: "v", // with a unit behind it: its item or items
  result: "r", // with output, `:` and unit behind it
  error: "e", // with a unit behind it
  chunkEnded: "n", // with a chunk behind it: how many of its units have ended
  chunkResults: "c", // with output, `:` and chunk behind it: its results, separated by commas
  folded: "f" // with a name behind it: the latest output of a step whose items run in order
} as const

/** Fields of a plan. The field of a step is its index; its JSON has the properties of STEP. */
export const PLAN = {
  version: "q", // version, `:` and pipeline
  first: "b", // the steps that wait for nothing
  size: "c", // how many steps there are; written last
  steps: "m", // the parts of its steps that reading a run needs
  shape: "j", // the shape of its runs: see RunCode.ts
  runs: "#", // how many runs use it
  isUncertain: "?" // whether that number may be wrong
} as const

/** Properties of a step of a plan. Other steps are named by their indices, as texts. */
export const STEP = {
  name: "n",
  waits: "w", // for how many steps it waits
  releases: "r",
  isSoleInput: "f", // whether the steps that it releases wait for nothing else
  reads: "d",
  losses: "l", // the steps that need its outputs, each with the group of inputs that can replace them
  groups: "g", // how many steps each group has
  branch: "b",
  arms: "a",
  isProbed: "p",
  expands: "x", // see EXPANDS
  limits: "k",
  isVital: "v",
  initial: "i"
} as const

/** Properties of the expansion of a step. */
export const EXPANDS = {
  inOrder: "o",
  max: "m", // how many units may be leased at the same time
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

/** The first element of an encoded event. The instant follows; for events of steps, then the step's index and attempt. */
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

/** The phase of a claim. In lower case: the unit runs alone in its worker. */
export const PHASE = { run: "R", probe: "P", expand: "E" } as const

/** How a worker settles a claim. */
export const OUTCOME = {
  completed: "C",
  staged: "S", // completed, with staged outputs
  someFailed: "D", // a unit of several items, of which some have failed
  failed: "F",
  retried: "T",
  released: "L",
  probed: "P",
  expanded: "X"
} as const

/** The kind of a due entry: first letter of a member of KEY.due, before the name of the run or unit; also in RUN.due. */
export const DUE = { start: "s", timeout: "t", unit: "u" } as const

/** Optional arguments of a submitted run. */
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
  bytes: "V", // how many bytes of staged values its hash has already
  references: "B"
} as const

/** Properties of a message of KEY.news. */
export const NEWS = {
  workers: "w", // waiting workers to wake
  runs: "r", // runs that have changed
  ended: "e", // runs that have ended
  revoked: "x", // revoked claims: worker and token
  schedules: "s", // `1`: schedules have changed
  tables: "d" // `1`: definitions or ACLs have changed
} as const

/** Bounds that TypeScript and Lua share. */
export const BOUND: Readonly<Record<BoundName, number>> = {
  absentMillis: 15_000, // a worker counts as gone when it has not reported its presence for so long
  perMilli: 1_000, // how many places in the order of submission a millisecond has
  reads: 500, // how many entries one call of a reading script looks at
  looks: 500, // how many entries one act looks at
  replyBytes: 1 << 20, // about how many bytes a reply has
  chunk: 1_000, // how many units have their results joined into one field
  mendedUnits: 240, // how many units of a list one call of `mend` checks
  forgotten: 200, // how many runs one act forgets
  keptChanges: KEPT_CHANGES,
  inputs: MAX_TOGETHER, // all inputs of a step together may have so many times the bytes of the longest value
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

/** All tables, by their names in `.lua` files. */
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
