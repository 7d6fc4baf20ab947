/** Submits runs to Redis: many in one call, and their plan first if Redis does not have it. */
import type * as Effect from "effect/Effect"
import type { Json } from "../../../core/json/Value.ts"
import type { NewRun } from "../../../core/run/NewRun.ts"
import { IDEMPOTENCY_MILLIS } from "../../../core/run/NewRun.ts"
import * as Batch from "../../../core/runtime/Batch.ts"
import type { StoreUnavailable } from "../../../core/values/Errors.ts"
import { BatchedCalls } from "../connection/BatchedCalls.ts"
import { bytesOfText, MAX_BYTES, slices } from "../connection/CallSize.ts"
import { type Argument, attempt, isOutage, type Scripts } from "../connection/Scripts.ts"
import { EXTRA, KEY, RUN } from "../lua/Codes.ts"
import { type Blobs, referenceIn } from "../runs/Blobs.ts"
import * as PlanCode from "../runs/PlanCode.ts"
import { eachValue, writeOwn } from "../runs/RunCode.ts"

/**
 * The result of a submission. `RUN`: recorded, with its id. `NAMED`: another run has its idempotency key; with that run's id,
 * its fingerprint and whether it still exists. `FULL`: too many unfinished runs. `PLAN`: Redis lacks its plan.
 */
export type Answer = readonly [
  "RUN" | "NAMED" | "FULL" | "PLAN",
  runId?: string,
  fingerprint?: string,
  isThere?: number
]

/** The initial values of a run, and their bytes. */
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

/** A run that waits to be sent, with its new id. */
interface Waiting extends Values {
  readonly run: NewRun
  readonly id: string
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** How many runs one call submits at most: other clients wait while it runs. */
const MAX_BATCH = 200

/** How many calls run at the same time at most. */
const MAX_CALLS = 2

/** When staged values expire if their run is not recorded, in seconds. */
const KEPT_SECONDS = 3_600

/** Submits the runs of one process. */
export class Submissions {
  readonly #scripts: Scripts
  readonly #maxUnfinished: number
  readonly #newId: () => string
  readonly #dueAfter: (millis: string) => void
  readonly #blobs: Blobs
  readonly #calls: BatchedCalls<Waiting> = new BatchedCalls(
    MAX_CALLS,
    (waiting) => Batch.first(waiting, ({ bytes }) => bytes, MAX_BATCH),
    (batch) => this.#send(batch)
  )

  /** `dueAfter` gets the milliseconds until the next work is due. */
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

  /** Submits a run, in one call with others that wait. */
  submit(run: NewRun): Effect.Effect<Answer, StoreUnavailable> {
    return attempt(() => (this.#blobs.isUsed ? this.#submitKept(run) : this.#enqueue(run)))
  }

  /** Submits a run whose large values go to the blob store. Removes them if the run is not recorded. */
  async #submitKept(run: NewRun): Promise<Answer> {
    const kept = await this.#blobs.storeRun(run)
    const answer = await this.#enqueue(kept)
    if (answer[0] !== "RUN") await this.#blobs.discardRun(kept)
    return answer
  }

  #enqueue(run: NewRun): Promise<Answer> {
    return new Promise((resolve, reject) =>
      this.#calls.add({ run, id: this.#newId(), ...valuesOf(run), resolve, reject })
    )
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
      // One run makes the script fail: halving the batch finds it, and records the others.
      const half = batch.length >> 1
      await this.#send(batch.slice(0, half))
      await this.#send(batch.slice(half))
    }
  }

  async #record(batch: ReadonlyArray<Waiting>): Promise<ReadonlyArray<Answer>> {
    const args: Array<Argument> = [...this.bounds]
    for (const waiting of batch) {
      // A run that is too large for one call is alone in its batch. Its values are staged first.
      if (isLarge(waiting)) await this.#stage(waiting.id, waiting)
      this.#write(args, waiting.run, waiting.id, waiting)
    }
    const [others, due] = (await this.#scripts.call("submit", args)) as [ReadonlyArray<[number, Answer]>, string]
    this.#dueAfter(due)
    const answers: Array<Answer> = batch.map(({ id }) => ["RUN", id])
    for (const [at, answer] of others) answers[at] = answer
    const lacking = batch.flatMap((_, at) => (answers[at]![0] === "PLAN" ? [at] : []))
    if (lacking.length > 0) {
      await this.sendPlans(lacking.map((at) => batch[at]!.run))
      const again = await this.#record(lacking.map((at) => batch[at]!))
      for (const [place, at] of lacking.entries()) answers[at] = again[place]!
    }
    for (const [at, { id, bytes }] of batch.entries()) {
      if (bytes > MAX_BYTES && answers[at]![0] !== "RUN") await this.#scripts.client.unlink(this.#keyOf(id))
    }
    return answers
  }

  /** Writes the values of a run into its hash, in several calls. The hash expires unless the run is recorded. */
  async #stage(id: string, { values }: Values): Promise<void> {
    for (const part of slices(values, ([, value]) => bytesOfText(value))) {
      const pairs = part.flatMap(([name, value]) => [`${RUN.value}${name}`, value])
      await this.#scripts.call("aside", [`${KEY.run}${id}`, KEPT_SECONDS, ...pairs])
    }
  }

  #keyOf(id: string): string {
    return `${this.#scripts.prefix}${KEY.run}${id}`
  }

  /** Sends the plans of runs to Redis, each in several calls if it is long. */
  async sendPlans(runs: ReadonlyArray<NewRun>): Promise<void> {
    for (const { digest, fields } of new Set(runs.map(PlanCode.write))) {
      const pairs = Array.from(
        { length: fields.length / 2 },
        (_, at) => [fields[2 * at]!, fields[2 * at + 1]!] as const
      )
      // In order: the last field says that the plan is complete.
      for (const part of slices(pairs, ([, text]) => String(text).length)) {
        await this.#scripts.call("plan", [digest, ...part.flat()])
      }
    }
  }

  /** Arguments of scripts that record runs: the maximum of unfinished runs, and the lifetime of idempotency keys. */
  get bounds(): ReadonlyArray<Argument> {
    return [this.#maxUnfinished, IDEMPOTENCY_MILLIS]
  }

  /** Adds a run to the arguments of a script, after staging values that are too long for one call. */
  async write(args: Array<Argument>, run: NewRun): Promise<void> {
    const id = this.#newId()
    const all = valuesOf(run)
    if (isLarge(all)) await this.#stage(id, all)
    this.#write(args, run, id, all)
  }

  /** Adds a run to the arguments of a script, without values that are staged. */
  #write(args: Array<Argument>, run: NewRun, id: string, all: Values): void {
    const isStaged = isLarge(all)
    const values = isStaged ? [] : all.values
    const { onFailure = "fail-fast", priority = 0, delayMillis, timeoutMillis, limits, given, schedule } = run
    const { digest, left } = PlanCode.write(run)
    args.push(id, digest, left, onFailure[0]!, priority, values.length)
    for (const [name, value] of values) args.push(name, value)
    const more = args.push(0) - 1
    const own = writeOwn(run)
    if (own !== undefined) args.push(EXTRA.own, own)
    if (delayMillis !== undefined && delayMillis > 0) args.push(EXTRA.delay, Math.ceil(delayMillis))
    if (timeoutMillis !== undefined) args.push(EXTRA.timeout, Math.ceil(timeoutMillis))
    if (limits !== undefined && limits.length > 0) args.push(EXTRA.limits, JSON.stringify(limits))
    const names = given === undefined ? [] : Object.keys(given)
    if (names.length > 0) args.push(EXTRA.given, JSON.stringify(Object.fromEntries(names.map((name) => [name, 1]))))
    if (schedule !== undefined) args.push(EXTRA.schedule, schedule.id)
    if (run.keptItems !== undefined) args.push(EXTRA.keptItems, "1")
    if (run.idempotency !== undefined)
      args.push(EXTRA.key, run.idempotency.key, EXTRA.fingerprint, run.idempotency.fingerprint)
    if (isStaged) {
      args.push(EXTRA.bytes, all.bytes)
      const references = all.values.flatMap(([, value]) => {
        const reference = referenceIn(value)
        return reference === undefined ? [] : [`${reference}\n`]
      })
      if (references.length > 0) args.push(EXTRA.references, references.join(""))
    }
    args[more] = (args.length - more - 1) / 2
  }
}
