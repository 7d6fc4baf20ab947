/** What processes wrote down before they were killed. */
/** A run that was accepted. */
export interface Started {
  readonly pipeline: string
  readonly size: number
  readonly delayMillis: number
}

/** Lines about what a process does, not about what it was told. */
const OWN = new Set(["began", "computed", "cancelling"])

export class Ledger {
  /** The accepted runs, and the status of those whose end was told. */
  readonly started: Map<string, Started> = new Map()
  readonly ended: Map<string, string> = new Map()
  /** Runs whose cancel, or that of a step, was asked for; and runs whose cancel was answered. */
  readonly cancelling: Set<string> = new Set()
  readonly cancelled: Set<string> = new Set()
  /** The sequences of the told completions of steps, by run and step. */
  readonly steps: Map<string, Map<string, number>> = new Map()
  /** When the schedules were made. */
  readonly schedules: Map<string, number> = new Map()
  /** What contradicts itself in the lines. */
  readonly problems: Array<string> = []
  /** What each process began last. */
  readonly #lastBegan: Array<string> = []
  /** The processes in which a step or item began. */
  readonly #began: Map<string, Set<number>> = new Map()
  /** The process that told the end of a run or step. */
  readonly #over: Map<string, number> = new Map()
  readonly #keys: Map<string, string> = new Map()
  readonly #memoised: Set<string> = new Set()
  #process = 0

  /**
   * Reads what the next process wrote. `isTold`: of the lines about what it was told, those that count, by the bytes that the
   * write-ahead log had and by their index. Default: all.
   */
  read(text: string, isTold: (walBytes: number, index: number) => boolean = () => true): void {
    this.#process++
    // The last line may be cut.
    for (const [index, line] of text.split("\n").slice(0, -1).entries()) {
      const [walBytes, what, ...rest] = JSON.parse(line) as [number, string, ...ReadonlyArray<unknown>]
      if (OWN.has(what) || isTold(walBytes, index)) {
        this.#read(what, rest.map(String) as [string, string, string, string])
      }
    }
  }

  /** Whether the process before the last one went on to something else after it began this step or item. */
  wentOn(run: string, step: string, item = -1): boolean {
    const key = `${run} ${step} ${item}`
    const process = this.#process - 1
    return this.#began.get(key)?.has(process) === true && this.#lastBegan[process] !== key
  }

  #read(what: string, line: readonly [string, string, string, string]): void {
    const [id, second, third, fourth = "0"] = line
    switch (what) {
      case "began": {
        const key = `${id} ${second} ${third}`
        this.#lastBegan[this.#process] = key
        this.#began.set(key, (this.#began.get(key) ?? new Set()).add(this.#process))
        // An attempt of the same process may be about to stop.
        if (this.#isOverBefore(id) || this.#isOverBefore(`${id} ${second}`)) {
          this.problems.push(`${key} begins in a process after the one that told its end`)
        }
        return
      }
      case "started":
        this.started.set(id, { pipeline: second, size: Number(third), delayMillis: Number(fourth) })
        return
      case "keyed":
        if ((this.#keys.get(id) ?? second) !== second) this.problems.push(`key ${id} names two runs`)
        this.#keys.set(id, second)
        return
      case "cancelling":
        this.cancelling.add(id)
        return
      case "cancelled":
        this.cancelled.add(id)
        this.#isOver(id)
        return
      case "step": {
        const steps = this.steps.get(id) ?? new Map<string, number>()
        this.steps.set(id, steps.set(second, Number(third)))
        this.#isOver(`${id} ${second}`)
        return
      }
      case "ended":
        this.ended.set(id, second)
        this.#isOver(id)
        return
      case "memoised":
        this.#memoised.add(id)
        return
      case "computed":
        if (this.#memoised.has(id)) this.problems.push(`${id} is computed although it was memoised`)
        return
      case "schedule":
        if ((this.schedules.get(id) ?? Number(second)) !== Number(second))
          this.problems.push(`schedule ${id} is made anew`)
        this.schedules.set(id, Number(second))
        return
      default:
        this.problems.push(`${what} ${line.join(" ")}`)
    }
  }

  #isOver(key: string): void {
    if (!this.#over.has(key)) this.#over.set(key, this.#process)
  }

  #isOverBefore(key: string): boolean {
    return (this.#over.get(key) ?? this.#process) < this.#process
  }
}
