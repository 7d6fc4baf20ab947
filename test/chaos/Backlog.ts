/** Starts a great many runs at the beginning, which wait while all else goes on; works off the one half, cancels the other. */
import { full, paused } from "./BacklogPipelines.ts"
import type { Wanted } from "./Load.ts"
import type { Slot } from "./Processes.ts"
import type { Answer, Asked } from "./Wire.ts"

/** No other run has a seed from here on. */
const FIRST_SEED = 1_000_000_000

/** How many runs one request is about. */
const AT_ONCE = 500

/** How long the driver waits before it asks again, in milliseconds. */
const AGAIN_MILLIS = 500

const OPTIONS = {}

/** Runs that wait for long. */
export class Backlog {
  /** All of them. */
  readonly wanted: ReadonlyArray<Wanted>
  readonly #servers: ReadonlyArray<Slot>
  readonly #say: (line: string) => void
  readonly #filled: Promise<void>
  #turn = 0

  constructor(count: number, servers: ReadonlyArray<Slot>, say: (line: string) => void) {
    this.#servers = servers
    this.#say = say
    this.wanted = Array.from({ length: count }, (_, at) => ({
      pipeline: (at % 2 === 0 ? paused : full).pipeline.id,
      seed: FIRST_SEED + at,
      parameters: {},
      options: OPTIONS,
      askedAt: Date.now(),
      ids: new Set<string>(),
      isCancelled: false,
      cancelledSteps: new Set<string>()
    }))
    this.#filled = this.#fill()
  }

  /** Works off what was paused, and cancels the rest. Starts once all of it is there. */
  async drain(): Promise<void> {
    await this.#filled
    await this.#untilDone({ is: "pause", pipeline: paused.pipeline.id, paused: false })
    this.#say("the backlog is resumed")
    const doomed = this.wanted.filter(({ pipeline }) => pipeline === full.pipeline.id)
    for (const one of doomed) one.isCancelled = true
    for (let at = 0; at < doomed.length; at += AT_ONCE) {
      let left = doomed.slice(at, at + AT_ONCE).flatMap(({ ids }) => [...ids])
      while (left.length > 0) {
        const answer = await this.#ask({ is: "cancel many", runs: left })
        if (answer?.is === "many") left = left.filter((_, place) => answer.runs[place] === null)
        if (left.length > 0) await later(AGAIN_MILLIS)
      }
    }
    this.#say(`${doomed.length} runs of the backlog are cancelled`)
  }

  async #fill(): Promise<void> {
    await this.#untilDone({ is: "pause", pipeline: paused.pipeline.id, paused: true })
    for (let at = 0; at < this.wanted.length; at += AT_ONCE) {
      let left = this.wanted.slice(at, at + AT_ONCE)
      while (left.length > 0) {
        const asked = left
        const answer = await this.#ask({
          is: "start many",
          runs: asked.map(({ pipeline, seed }) => ({ pipeline, seed }))
        })
        if (answer?.is === "many") {
          for (const [place, run] of answer.runs.entries()) if (run !== null) asked[place]!.ids.add(run)
        }
        left = left.filter(({ ids }) => ids.size === 0)
        if (left.length > 0) await later(AGAIN_MILLIS)
      }
    }
    this.#say(`a backlog of ${this.wanted.length} runs waits`)
  }

  async #untilDone(asked: Asked): Promise<void> {
    while ((await this.#ask(asked))?.is !== "done") await later(AGAIN_MILLIS)
  }

  /** Asks one server after the other. */
  #ask(asked: Asked): Promise<Answer | undefined> {
    return this.#servers[this.#turn++ % this.#servers.length]!.current.ask(asked)
  }
}

const later = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))
