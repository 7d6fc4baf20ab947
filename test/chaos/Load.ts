/** Starts runs, cancels some of them, and keeps what it was answered. */
import type { Start } from "../../adapters/promise/index.ts"
import { caseOf, WEIGHTS } from "./Cases.ts"
import type { Slot } from "./Processes.ts"
import type { Random } from "./Random.ts"

/** A run that was asked for. */
export interface Wanted {
  readonly pipeline: string
  /** No two runs have the same. */
  readonly seed: number
  /** Those that its pipeline takes besides. */
  readonly parameters: Readonly<Record<string, unknown>>
  readonly options: Start.Options
  readonly askedAt: number
  /** Every id that a server has answered with; none when it was never accepted. */
  readonly ids: Set<string>
  /** Whether somebody asked for its end, or for that of one of its steps. */
  isCancelled: boolean
  readonly cancelledSteps: Set<string>
}

/** An answer about a run: its id, or why there is none. */
type Said = { readonly run: string } | { readonly why: string }

/** How long the driver waits for an answer, in milliseconds: longer than a server does for Redis. */
const ANSWER_MILLIS = 15_000

/** Before all that others have. */
const MOST_URGENT = 4

/** Every pipeline that is run. */
const EACH = Object.keys(WEIGHTS)

const NONE = {}

export class Load {
  readonly wanted: Array<Wanted> = []
  /** How often a server did not do what it was asked, by why. */
  readonly refusals: Map<string, number> = new Map()
  readonly #random: Random
  readonly #servers: ReadonlyArray<Slot>
  readonly #perSecond: number
  readonly #underWay: Set<Promise<void>> = new Set()
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(random: Random, servers: ReadonlyArray<Slot>, perSecond: number) {
    this.#random = random
    this.#servers = servers
    this.#perSecond = perSecond
  }

  begin(): void {
    this.#timer = setInterval(() => this.#keep(this.#want()), 1_000 / this.#perSecond)
  }

  /** Starts nothing more, and waits for what was asked already. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    this.#isOver = true
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #keep(work: Promise<void>): void {
    const kept = work.finally(() => this.#underWay.delete(kept))
    this.#underWay.add(kept)
  }

  async #want(): Promise<void> {
    // Every choice is made here and at once, so that a seed makes the same ones whatever is answered when.
    const random = this.#random
    // Each of them once, so that none is lacking in a short trial.
    const id = random.weighted(WEIGHTS)
    const chosen = caseOf(EACH[this.wanted.length] ?? id)
    const seed = this.wanted.length + 1
    const isKeyed = random.chance(0.4)
    const delay = random.chance(0.15) ? random.between(200, 4_000) : undefined
    const timeout = random.chance(0.08) ? random.between(100, 1_500) : undefined
    const someOther = random.chance(0.2) ? random.between(-3, 3) : undefined
    const priority = chosen.isUrgent === true ? MOST_URGENT : someOther
    const server = random.between(0, this.#servers.length - 1)
    const ending = random.next()
    const endingAfter = random.between(0, 1_500)
    const endedStep = random.of(chosen.pipeline.steps).name
    const wanted: Wanted = {
      pipeline: chosen.pipeline.id,
      seed,
      parameters: chosen.parameters?.(seed) ?? NONE,
      options: {
        ...(isKeyed && { idempotencyKey: `key-${seed}` }),
        ...(delay !== undefined && { delayMillis: delay }),
        ...(timeout !== undefined && { timeoutMillis: timeout }),
        ...(priority !== undefined && { priority })
      },
      askedAt: Date.now(),
      ids: new Set(),
      isCancelled: false,
      cancelledSteps: new Set()
    }
    this.wanted.push(wanted)
    // Who has a key asks until there is an answer, and now and then once more.
    const tries = isKeyed ? 40 : 1
    let isAccepted = false
    for (let tried = 0; tried < tries && !isAccepted; tried++) {
      if (tried > 0) await later(500)
      const said = await this.#start((server + tried) % this.#servers.length, wanted)
      if ("run" in said) wanted.ids.add(said.run)
      else this.#refused(said.why)
      isAccepted = "run" in said && (!isKeyed || tried > 0 || seed % 2 === 0 || this.#isOver)
    }
    if (wanted.ids.size === 0 || ending > 0.12) return
    await later(endingAfter)
    const [run] = wanted.ids as unknown as [string]
    const step = ending < 0.05 ? endedStep : undefined
    if (step === undefined) wanted.isCancelled = true
    else wanted.cancelledSteps.add(step)
    const said = await this.#cancel(server, run, step)
    if ("why" in said) this.#refused(said.why)
  }

  #refused(why: string): void {
    this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1)
  }

  /** The first server is asked over HTTP, the others over their channel. */
  #start(place: number, { pipeline, seed, parameters: besides, options }: Wanted): Promise<Said> {
    const parameters = { ...besides, seed }
    if (place !== 0) return this.#tell(place, { is: "start", pipeline, parameters, options })
    const { delayMillis, timeoutMillis, priority, idempotencyKey } = options
    return this.#post(
      `/pipelines/${pipeline}/execute`,
      {
        parameters,
        ...(delayMillis !== undefined && { delay: delayMillis / 1_000 }),
        ...(timeoutMillis !== undefined && { run_timeout: timeoutMillis / 1_000 }),
        ...(priority !== undefined && { priority })
      },
      idempotencyKey
    )
  }

  #cancel(place: number, run: string, step: string | undefined): Promise<Said> {
    if (place !== 0) return this.#tell(place, { is: "cancel", run, step })
    return this.#post(`/runs/${run}/cancel`, { reason: "chaos", ...(step !== undefined && { step }) })
  }

  async #tell(place: number, asked: Parameters<Slot["current"]["ask"]>[0]): Promise<Said> {
    const answering = this.#servers[place]!.current.ask(asked)
    const answer = await Promise.race([answering, later(ANSWER_MILLIS)])
    if (answer?.is === "done") return answer
    return { why: answer?.is === "refused" ? answer.why : "the server was gone" }
  }

  async #post(path: string, body: unknown, key?: string): Promise<Said> {
    const server = this.#servers[0]!.current
    try {
      const ready = await Promise.race([server.ready, later(ANSWER_MILLIS)])
      const response = await fetch(`${ready?.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(key !== undefined && { "idempotency-key": key }) },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_MILLIS)
      })
      const text = await response.text()
      if (response.status === 202) return { run: (JSON.parse(text) as { readonly task_id: string }).task_id }
      return { why: `HTTP ${response.status}: ${text.replace(/,"timestamp":"[^"]*"/, "").slice(0, 200)}` }
    } catch {
      return { why: "the server was gone" }
    }
  }
}

const later = (millis: number): Promise<undefined> => new Promise((resolve) => setTimeout(resolve, millis))
