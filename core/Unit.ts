/** What a Store in memory lends: a step, or an item of one; and how the items of a step come out of its list. */
import type { Limit } from "./Limit.ts"
import type { MemoryRun } from "./MemoryRun.ts"
import type { Expansion as Plan } from "./Plan.ts"
import type { Holder } from "./Slots.ts"
import type { Claim, MemoKey } from "./Store.ts"
import type { Json } from "./Value.ts"

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
  firstAtMillis = 0
  hasWaited = false
  probed = false
  /** What its probe found. */
  found: ReadonlyArray<Limit> | undefined = undefined
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
    const planned = this.run.step(this.index).limits
    if (planned === undefined && this.found === undefined) return NO_LIMITS
    if (this.phase === "probe") return NO_LIMITS
    if (this.found === undefined) return planned!
    return planned === undefined ? this.found : [...planned, ...this.found]
  }
}

/** The items of a step while they are worked off. */
export class Expansion {
  readonly plan: Plan
  /** The unit that stands for all items that nobody has yet. */
  readonly source: Unit
  readonly startedAtMillis: number
  /** How many items there are, in all units together. */
  readonly count: number
  readonly #units: ReadonlyArray<Json>
  readonly #size: number
  readonly #results: ReadonlyMap<string, Array<Json | undefined>>
  /** In order: what the last item gave. It is nobody else's business before the step is done. */
  #folded: Readonly<Record<string, Json>> = {}
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
  /** How many events there were about single items. */
  events = 0

  constructor(
    plan: Plan,
    source: Unit,
    startedAtMillis: number,
    units: ReadonlyArray<Json>,
    count: number,
    size: number
  ) {
    this.plan = plan
    this.source = source
    this.startedAtMillis = startedAtMillis
    this.count = count
    this.#units = units
    this.#size = size
    this.#results = new Map(plan.inOrder ? [] : plan.outputs.map((name) => [name, new Array(units.length)]))
  }

  /** Whether an item can be lent now. */
  get isReady(): boolean {
    if (this.#lent >= this.plan.max) return false
    if (this.#again.length > 0) return true
    // In order: the item before has to be done, not only given back.
    return this.#next < this.#units.length && (!this.plan.inOrder || this.#next === this.#unitsDone)
  }

  get isDone(): boolean {
    return this.#unitsDone === this.#units.length
  }

  /** The next item to lend; ask `isReady` first. */
  lend(): Unit {
    this.#lent++
    return this.#again.pop() ?? new Unit(this.source.run, this.source.index, this.#next++)
  }

  valueOf(item: number): Json {
    return this.#units[item]!
  }

  /** What an item sees of the run's values. */
  valuesOver(values: Claim["values"]): Claim["values"] {
    if (!this.plan.inOrder) return values
    const folded = this.#folded
    return { get: (name) => folded[name] ?? values.get(name) }
  }

  /** Nobody has an item any more that is not done. */
  putDown(): void {
    this.#lent--
  }

  /** It can be lent again. */
  again(unit: Unit): void {
    this.#again.push(unit)
  }

  complete(item: number, outputs: Readonly<Record<string, Json>>): void {
    this.#lent--
    this.#unitsDone++
    const last = this.#units.length - 1
    this.done += item === last ? this.count - last * this.#size : this.#size
    if (this.plan.inOrder) this.#folded = outputs
    for (const [name, results] of this.#results) {
      const json = outputs[name]
      if (json === undefined) continue
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
