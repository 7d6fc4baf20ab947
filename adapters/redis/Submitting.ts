/** How runs get to Redis: many in one call, and with their plan where nobody has brought it yet. */
import * as Effect from "effect/Effect"
import type { StoreUnavailable } from "../../core/Errors.ts"
import { IDEMPOTENCY_MILLIS } from "../../core/Keys.ts"
import type { NewRun } from "../../core/NewRun.ts"
import type { Blobs } from "./Blobs.ts"
import type { ScriptName } from "./LuaCommands.ts"
import * as PlanCode from "./PlanCode.ts"
import { eachValue, writeOwn } from "./RunCode.ts"
import { type Argument, type Scripts, toUnavailable } from "./Scripts.ts"

/** What became of a run: `RUN` and its id; `NAMED`, the run that has its key, its fingerprint and whether it is there; `FULL`. */
export type Answer = readonly [
  "RUN" | "NAMED" | "FULL" | "PLAN",
  runId?: string,
  fingerprint?: string,
  isThere?: number
]

/** A run that is to be recorded, and whom to tell. */
interface Waiting {
  readonly run: NewRun
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** How many runs go in one call at most: others have to wait until it is over. */
const MAX_BATCH = 200

/** How many calls are under way at once at most. */
const MAX_CALLS = 2

/** Writes runs down for the scripts that record them. */
export class Submitting {
  readonly #scripts: Scripts
  readonly #maxUnfinished: number
  readonly #newId: () => string
  readonly #dueAfter: (millis: string) => void
  readonly #blobs: Blobs
  #waiting: Array<Waiting> = []
  #isToSend = false
  #underWay = 0

  /** `dueAfter` is told in how many milliseconds something is due. */
  constructor(
    scripts: Scripts,
    maxUnfinished: number,
    id: () => string,
    dueAfter: (millis: string) => void,
    blobs: Blobs
  ) {
    this.#blobs = blobs
    this.#scripts = scripts
    this.#maxUnfinished = maxUnfinished
    this.#newId = id
    this.#dueAfter = dueAfter
  }

  /** Records a run, together with the others that come while a call is under way. */
  submit(run: NewRun): Effect.Effect<Answer, StoreUnavailable> {
    return Effect.tryPromise({
      try: () => (this.#blobs.isUsed ? this.#blobs.ofRun(run).then((kept) => this.#enqueue(kept)) : this.#enqueue(run)),
      catch: toUnavailable
    })
  }

  #enqueue(run: NewRun): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ run, resolve, reject })
      if (this.#isToSend) return
      this.#isToSend = true
      queueMicrotask(() => {
        this.#isToSend = false
        this.#sendAll()
      })
    })
  }

  #sendAll(): void {
    while (this.#waiting.length > 0 && this.#underWay < MAX_CALLS) {
      this.#underWay++
      void this.#send(this.#waiting.splice(0, MAX_BATCH)).then(() => {
        this.#underWay--
        this.#sendAll()
      })
    }
  }

  async #send(batch: ReadonlyArray<Waiting>): Promise<void> {
    try {
      const answers = await this.#record(batch.map(({ run }) => run))
      for (let at = 0; at < batch.length; at++) batch[at]!.resolve(answers[at]!)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  async #record(runs: ReadonlyArray<NewRun>): Promise<ReadonlyArray<Answer>> {
    const args: Array<Argument> = [...this.bounds]
    const ids = runs.map((run) => this.write(args, run))
    const [others, due] = (await this.#scripts.call("submit", args)) as [ReadonlyArray<[number, Answer]>, string]
    this.#dueAfter(due)
    const answers: Array<Answer> = ids.map((id) => ["RUN", id])
    for (const [at, answer] of others) answers[at] = answer
    const lacking = runs.flatMap((_, at) => (answers[at]![0] === "PLAN" ? [at] : []))
    if (lacking.length === 0) return answers
    await this.bring(lacking.map((at) => runs[at]!))
    const again = await this.#record(lacking.map((at) => runs[at]!))
    for (const [place, at] of lacking.entries()) answers[at] = again[place]!
    return answers
  }

  /** Brings the plans of runs. */
  async bring(runs: ReadonlyArray<NewRun>): Promise<void> {
    const plans = new Set(runs.map(PlanCode.write))
    for (const { digest, fields } of plans) await this.#scripts.call("plan" satisfies ScriptName, [digest, ...fields])
  }

  /** What a script that records runs has to know besides: how many may be unfinished, how long a key names its run. */
  get bounds(): ReadonlyArray<Argument> {
    return [this.#maxUnfinished, IDEMPOTENCY_MILLIS]
  }

  /** Adds a run to the arguments of a script. Gives its id. */
  write(args: Array<Argument>, run: NewRun): string {
    const { onFailure = "fail-fast", priority = 0, delayMillis, timeoutMillis, limits, given, schedule } = run
    const { digest, left } = PlanCode.write(run)
    const id = this.#newId()
    args.push(id, digest, left, onFailure[0]!, priority)
    const size = args.push(0) - 1
    eachValue(run, (name, value) => args.push(name, value))
    args[size] = (args.length - size - 1) / 2
    const more = args.push(0) - 1
    const own = writeOwn(run)
    if (own !== undefined) args.push("j", own)
    if (delayMillis !== undefined && delayMillis > 0) args.push("D", Math.ceil(delayMillis))
    if (timeoutMillis !== undefined) args.push("T", Math.ceil(timeoutMillis))
    if (limits !== undefined && limits.length > 0) args.push("k", JSON.stringify(limits))
    const names = given === undefined ? [] : Object.keys(given)
    if (names.length > 0) args.push("G", JSON.stringify(Object.fromEntries(names.map((name) => [name, 1]))))
    if (schedule !== undefined) args.push("c", schedule.id)
    if (run.idempotency !== undefined) args.push("t", run.idempotency.key, "F", run.idempotency.fingerprint)
    args[more] = (args.length - more - 1) / 2
    return id
  }
}
