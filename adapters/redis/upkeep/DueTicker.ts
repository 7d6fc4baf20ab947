/** Makes a Store on Redis do what is due: each process ticks every 500 ms at least, and in time for what it knows of. */

/** How long at most between two looks, in milliseconds: so much later than its lease ends is a lost worker noticed. */
const MOST_MILLIS = 500

/** Looks in time, one look after the other. */
export class DueTicker {
  readonly #tick: () => Promise<string>
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
  /** When it looks next, by the monotonic clock. */
  #atMillis = Number.POSITIVE_INFINITY
  #isTicking = false
  #isRunning = false

  /** `tick` gives in how many milliseconds something is due next, or an empty text. */
  constructor(tick: () => Promise<string>) {
    this.#tick = tick
  }

  start(): void {
    this.#isRunning = true
    this.#sleep(0)
  }

  stop(): void {
    this.#isRunning = false
    clearTimeout(this.#timer)
  }

  /** Something is due in so many milliseconds; an empty text says that nothing is. */
  dueAfter(millis: string): void {
    if (millis === "") return
    const atMillis = performance.now() + Number(millis)
    if (atMillis < this.#atMillis) this.#sleep(Number(millis))
  }

  #sleep(millis: number): void {
    if (!this.#isRunning) return
    clearTimeout(this.#timer)
    this.#atMillis = performance.now() + millis
    // While it looks, it only notes by when to look again.
    if (!this.#isTicking) this.#timer = setTimeout(() => this.#look(), millis)
  }

  async #look(): Promise<void> {
    this.#isTicking = true
    this.#atMillis = Number.POSITIVE_INFINITY
    const next = await this.#tick().catch(() => "")
    this.#isTicking = false
    const known = Math.max(this.#atMillis - performance.now(), 0)
    // The server's millisecond may not be over yet when ours is.
    this.#sleep(Math.min(next === "" ? MOST_MILLIS : Number(next) + 1, known, MOST_MILLIS))
  }
}
