/** Has what is due happen: every process that shares a Store looks now and then, and in time for what it knows of. */

/** How long at most between two looks, in milliseconds: so much later than its lease ends is a lost worker noticed. */
const MOST_MILLIS = 500

/** Looks in time, one look after the other. */
export class Ticker {
  readonly #tick: () => Promise<string>
  #timer: ReturnType<typeof setTimeout> | undefined = undefined
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
    const atMillis = Date.now() + Number(millis)
    if (atMillis < this.#atMillis) this.#sleep(Number(millis))
  }

  #sleep(millis: number): void {
    if (!this.#isRunning) return
    clearTimeout(this.#timer)
    this.#atMillis = Date.now() + millis
    // While it looks, it only notes by when to look again.
    if (!this.#isTicking) this.#timer = setTimeout(() => this.#look(), millis)
  }

  async #look(): Promise<void> {
    this.#isTicking = true
    this.#atMillis = Number.POSITIVE_INFINITY
    const next = await this.#tick().catch(() => "")
    this.#isTicking = false
    const known = Math.max(this.#atMillis - Date.now(), 0)
    // A server's millisecond may not be over yet when ours is.
    this.#sleep(Math.min(next === "" ? MOST_MILLIS : Number(next) + 1, known, MOST_MILLIS))
  }
}
