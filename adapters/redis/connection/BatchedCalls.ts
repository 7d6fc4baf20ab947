/** Requests that arrive at about the same time share a call, and only so many calls run at the same time. */

/** Sends what waits in batches. */
export class BatchedCalls<Request> {
  readonly #maxCalls: number
  readonly #countOf: (waiting: ReadonlyArray<Request>) => number
  readonly #send: (batch: ReadonlyArray<Request>) => Promise<void>
  readonly #waiting: Array<Request> = []
  #isScheduled = false
  #running = 0

  /**
   * `countOf` says how many of the waiting requests the next call takes: at least one. `send` must not reject: it answers
   * each request of its batch, or gives it back with `addFirst`.
   */
  constructor(
    maxCalls: number,
    countOf: (waiting: ReadonlyArray<Request>) => number,
    send: (batch: ReadonlyArray<Request>) => Promise<void>
  ) {
    this.#maxCalls = maxCalls
    this.#countOf = countOf
    this.#send = send
  }

  /** Adds a request. It is sent with the others of the same turn of the event loop. */
  add(request: Request): void {
    this.#waiting.push(request)
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#sendAll()
    })
  }

  /** Puts requests of a batch in front of the waiting ones. They are sent once that batch has ended. */
  addFirst(requests: ReadonlyArray<Request>): void {
    this.#waiting.unshift(...requests)
  }

  #sendAll(): void {
    while (this.#waiting.length > 0 && this.#running < this.#maxCalls) {
      this.#running++
      void this.#send(this.#waiting.splice(0, this.#countOf(this.#waiting))).then(() => {
        this.#running--
        this.#sendAll()
      })
    }
  }
}
