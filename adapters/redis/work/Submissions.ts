/** How runs get to Redis: many in one call, and with their plan where Redis does not have it yet. */
import type * as Effect from "effect/Effect"
import type { Json } from "../../../core/json/Value.ts"
import type { NewRun } from "../../../core/run/NewRun.ts"
import { IDEMPOTENCY_MILLIS } from "../../../core/run/NewRun.ts"
import type { StoreUnavailable } from "../../../core/values/Errors.ts"
import { bytesOfText, MAX_BYTES, slices } from "../connection/CallSize.ts"
import { type Argument, attempt, isOutage, type Scripts } from "../connection/Scripts.ts"
import type { Blobs } from "../runs/Blobs.ts"
import * as PlanCode from "../runs/PlanCode.ts"
import { eachValue, writeOwn } from "../runs/RunCode.ts"

/** What became of a run: `RUN` and its id; `NAMED`, the run that has its key, its fingerprint and whether it is there; `FULL`. */
export type Answer = readonly [
  "RUN" | "NAMED" | "FULL" | "PLAN",
  runId?: string,
  fingerprint?: string,
  isThere?: number
]

/** The values of a run, and how many bytes they have. */
interface Values {
  readonly values: ReadonlyArray<readonly [name: string, value: Json]>
  readonly bytes: number
}

const valuesOf = (run: NewRun): Values => {
  const values: Array<readonly [string, Json]> = []
  let bytes = 0
  eachValue(run, (name, value) => {
    values.push([name, value])
    bytes += bytesOfText(value)
  })
  return { values, bytes }
}

/** Whether values are too long for a call. */
const isLarge = ({ bytes }: Values): boolean => bytes > MAX_BYTES

/** A run that is to be recorded, under an id of its own. */
interface Waiting extends Values {
  readonly run: NewRun
  readonly id: string
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** How many runs go in one call at most: others have to wait until it is over. */
const MAX_BATCH = 200

/** How many calls are under way at once at most. */
const MAX_CALLS = 2

/** How long values that were put aside stay unless their run is recorded, in seconds. */
const KEPT_SECONDS = 3_600

/** Writes runs down for the scripts that record them. */
export class Submissions {
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
    return attempt(() => (this.#blobs.isUsed ? this.#submitKept(run) : this.#enqueue(run)))
  }

  /** The same, with values that are kept elsewhere. Those of a run that is not recorded are removed. */
  async #submitKept(run: NewRun): Promise<Answer> {
    const kept = await this.#blobs.ofRun(run)
    const answer = await this.#enqueue(kept)
    if (answer[0] !== "RUN") await this.#blobs.discardRun(kept)
    return answer
  }

  #enqueue(run: NewRun): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ run, id: this.#newId(), ...valuesOf(run), resolve, reject })
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
      void this.#send(this.#take()).then(() => {
        this.#underWay--
        this.#sendAll()
      })
    }
  }

  /** As many of those that wait as go in one call. */
  #take(): ReadonlyArray<Waiting> {
    let bytes = 0
    let count = 0
    for (const { bytes: more } of this.#waiting) {
      if (count === MAX_BATCH || (count > 0 && bytes + more > MAX_BYTES)) break
      bytes += more
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #send(batch: ReadonlyArray<Waiting>): Promise<void> {
    try {
      const answers = await this.#record(batch)
      for (let at = 0; at < batch.length; at++) batch[at]!.resolve(answers[at]!)
    } catch (error) {
      if (batch.length === 1 || isOutage(error)) {
        for (const { reject } of batch) reject(error)
        return
      }
      // One of them can't be recorded: it is not to cost the others.
      const half = batch.length >> 1
      await this.#send(batch.slice(0, half))
      await this.#send(batch.slice(half))
    }
  }

  async #record(batch: ReadonlyArray<Waiting>): Promise<ReadonlyArray<Answer>> {
    const args: Array<Argument> = [...this.bounds]
    for (const waiting of batch) {
      // One that is too large for a call, which goes alone, has its values put aside first.
      if (isLarge(waiting)) await this.#putAside(waiting.id, waiting)
      this.#write(args, waiting.run, waiting.id, waiting)
    }
    const [others, due] = (await this.#scripts.call("submit", args)) as [ReadonlyArray<[number, Answer]>, string]
    this.#dueAfter(due)
    const answers: Array<Answer> = batch.map(({ id }) => ["RUN", id])
    for (const [at, answer] of others) answers[at] = answer
    const lacking = batch.flatMap((_, at) => (answers[at]![0] === "PLAN" ? [at] : []))
    if (lacking.length > 0) {
      await this.bring(lacking.map((at) => batch[at]!.run))
      const again = await this.#record(lacking.map((at) => batch[at]!))
      for (const [place, at] of lacking.entries()) answers[at] = again[place]!
    }
    for (const [at, { id, bytes }] of batch.entries()) {
      if (bytes > MAX_BYTES && answers[at]![0] !== "RUN") await this.#scripts.client.unlink(this.#keyOf(id))
    }
    return answers
  }

  async #putAside(id: string, { values }: Values): Promise<void> {
    for (const part of slices(values, ([, value]) => bytesOfText(value))) {
      const pairs = part.flatMap(([name, value]) => [`v${name}`, value])
      await this.#scripts.call("aside", [`r:${id}`, KEPT_SECONDS, ...pairs])
    }
  }

  #keyOf(id: string): string {
    return `${this.#scripts.prefix}r:${id}`
  }

  /** Brings the plans of runs, each in parts. */
  async bring(runs: ReadonlyArray<NewRun>): Promise<void> {
    for (const { digest, fields } of new Set(runs.map(PlanCode.write))) {
      const pairs = Array.from(
        { length: fields.length / 2 },
        (_, at) => [fields[2 * at]!, fields[2 * at + 1]!] as const
      )
      // The field by which a plan is known to be there comes last.
      for (const part of slices(pairs, ([, text]) => String(text).length)) {
        await this.#scripts.call("plan", [digest, ...part.flat()])
      }
    }
  }

  /** What a script that records runs has to know besides: how many may be unfinished, how long a key names its run. */
  get bounds(): ReadonlyArray<Argument> {
    return [this.#maxUnfinished, IDEMPOTENCY_MILLIS]
  }

  /** Adds a run to the arguments of a script. Values that are too long for a call are put aside before. */
  async write(args: Array<Argument>, run: NewRun): Promise<void> {
    const id = this.#newId()
    const all = valuesOf(run)
    if (isLarge(all)) await this.#putAside(id, all)
    this.#write(args, run, id, all)
  }

  /** Adds a run; its values are there already where they are too long for a call. */
  #write(args: Array<Argument>, run: NewRun, id: string, all: Values): void {
    const isAside = isLarge(all)
    const values = isAside ? [] : all.values
    const { onFailure = "fail-fast", priority = 0, delayMillis, timeoutMillis, limits, given, schedule } = run
    const { digest, left } = PlanCode.write(run)
    args.push(id, digest, left, onFailure[0]!, priority, values.length)
    for (const [name, value] of values) args.push(name, value)
    const more = args.push(0) - 1
    const own = writeOwn(run)
    if (own !== undefined) args.push("j", own)
    if (delayMillis !== undefined && delayMillis > 0) args.push("D", Math.ceil(delayMillis))
    if (timeoutMillis !== undefined) args.push("T", Math.ceil(timeoutMillis))
    if (limits !== undefined && limits.length > 0) args.push("k", JSON.stringify(limits))
    const names = given === undefined ? [] : Object.keys(given)
    if (names.length > 0) args.push("G", JSON.stringify(Object.fromEntries(names.map((name) => [name, 1]))))
    if (schedule !== undefined) args.push("c", schedule.id)
    if (run.keptItems !== undefined) args.push("I", "1")
    if (run.idempotency !== undefined) args.push("t", run.idempotency.key, "F", run.idempotency.fingerprint)
    if (isAside) {
      args.push("V", all.bytes)
      const references = all.values.flatMap(([, value]) => (value.startsWith("@") ? [`${value.slice(1)}\n`] : []))
      if (references.length > 0) args.push("B", references.join(""))
    }
    args[more] = (args.length - more - 1) / 2
  }
}
