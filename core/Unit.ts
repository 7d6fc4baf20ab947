/** What a Store in memory lends: a step, or an item of one; and how the items of a step come out of its list. */
import type { Limit } from "./Limit.ts"
import type { MemoryRun } from "./MemoryRun.ts"
import type { Expansion as Plan } from "./Plan.ts"
import type { Holder } from "./Slots.ts"
import type { Claim, MemoKey } from "./Store.ts"
import type { Json } from "./Value.ts"

const NOTHING: Readonly<Record<string, Json>> = {}
const NO_LIMITS: ReadonlyArray<Limit> = []

/** One unit of work, from the moment it is ready to its end, over all its attempts. */
export class Unit implements Holder {
  readonly run: MemoryRun
  readonly index: number
  /** Which item of the step; -1 for the step itself. */
  readonly item: number
  attempts = 0
  failures = 0
  /** How many of its workers were lost. */
  losses = 0
  /** When its first attempt began, by the Store's monotonic clock. */
  firstBeganMillis = 0
  waitSerial = 0
  probed = false
  /** The limits that its probe found. */
  found: ReadonlyArray<Limit> = NO_LIMITS
  memo: MemoKey | undefined = undefined

  constructor(run: MemoryRun, index: number, item: number) {
    this.run = run
    this.index = index
    this.item = item
  }

  get isOver(): boolean {
    return this.run.isStepOver(this.index)
  }
  get priority(): number {
    return this.run.submission.priority
  }
  get waitClass(): string {
    return this.run.queue.key
  }

  get phase(): Claim["phase"] {
    const step = this.run.step(this.index)
    if (step.expands !== undefined && this.item === -1) return "expand"
    return step.probed === true && !this.probed ? "probe" : "run"
  }

  /** What it has to hold while it is lent. A probe holds nothing: it is what finds that out. */
  get limits(): ReadonlyArray<Limit> {
    const { limits = NO_LIMITS, probed } = this.run.step(this.index)
    if (!probed) return limits
    if (!this.probed) return NO_LIMITS
    return this.found.length === 0 ? limits : [...limits, ...this.found]
  }
}

/** The items of a step while they are worked off. */
export class Expansion {
  readonly plan: Plan
  /** The unit that stands for all items that nobody has yet. */
  readonly source: Unit
  /** By the Store's monotonic clock. */
  readonly beganMillis: number
  /** How many items there are, in all units together. */
  readonly count: number
  readonly #units: ReadonlyArray<Json>
  /** How many items a unit has. */
  readonly size: number
  readonly #results: ReadonlyMap<string, Array<Json | undefined>>
  /** In order: what the last item gave. It is nobody else's business before the step is done. */
  #folded: Readonly<Record<string, Json>> = NOTHING
  /** Items that were lent before and are to be lent again. */
  readonly #again: Array<Unit> = []
  #next = 0
  #lent = 0
  #unitsDone = 0
  /** Whether the source is where units are claimed from. */
  isQueued = false
  /** How many items are done. */
  done = 0
  /** UTF-16 units of all results so far, as the lists that they will be. */
  length = 0
  /** How many items gave what an earlier attempt gave. */
  memoised = 0
  /** How many events there were about single items. */
  events = 0

  constructor(plan: Plan, source: Unit, beganMillis: number, units: ReadonlyArray<Json>, count: number, size: number) {
    this.plan = plan
    this.source = source
    this.beganMillis = beganMillis
    this.count = count
    this.#units = units
    this.size = size
    this.#results = new Map(plan.inOrder ? [] : plan.outputs.map((name) => [name, new Array(units.length)]))
  }

  /** Whether another item may be lent. */
  get hasRoom(): boolean {
    return this.#lent < this.plan.max
  }

  /** Whether there is an item that can be lent now. */
  get isReady(): boolean {
    if (!this.hasRoom) return false
    if (this.#again.length > 0) return true
    // In order: the item before has to be done, not only given back.
    return this.#next < this.#units.length && (!this.plan.inOrder || this.#next === this.#unitsDone)
  }

  get isDone(): boolean {
    return this.#unitsDone === this.#units.length
  }

  /** The next item to lend; ask `isReady` first. */
  take(): Unit {
    return this.#again.pop() ?? new Unit(this.source.run, this.source.index, this.#next++)
  }

  /** Somebody has an item, and has it no more. */
  lent(): void {
    this.#lent++
  }
  ended(): void {
    this.#lent--
  }

  valueOf(item: number): Json {
    return this.#units[item]!
  }

  /** What an item sees of the run's values. */
  valuesOver(values: Claim["values"]): Claim["values"] {
    if (!this.plan.inOrder) return values
    const folded = this.#folded
    // A value of that name in the run is not what the items before have come to.
    const { outputs } = this.plan
    return {
      get: (name) =>
        Object.hasOwn(folded, name) ? folded[name] : outputs.includes(name) ? undefined : values.get(name)
    }
  }

  /** An item that can be lent again. */
  again(unit: Unit): void {
    this.#again.push(unit)
  }

  complete(item: number, outputs: Readonly<Record<string, Json>>, isMemoised: boolean): void {
    this.#unitsDone++
    const last = this.#units.length - 1
    const size = item === last ? this.count - last * this.size : this.size
    this.done += size
    if (isMemoised) this.memoised += size
    // What it leaves out stays as it was.
    if (this.plan.inOrder) this.#folded = { ...this.#folded, ...outputs }
    for (const [name, results] of this.#results) {
      if (!Object.hasOwn(outputs, name)) continue
      const json = outputs[name]!
      results[item] = json
      this.length += json.length + 1
    }
  }

  /** What came out: of each output the list, or in order the last. */
  get outputs(): Readonly<Record<string, Json>> {
    if (this.plan.inOrder) return this.#folded
    const lists: Record<string, Json> = {}
    for (const [name, results] of this.#results)
      lists[name] = `[${results.filter((json) => json !== undefined).join(",")}]`
    return lists
  }
}
