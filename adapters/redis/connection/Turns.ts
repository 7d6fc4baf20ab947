/** Lets so many go on at once; the others wait, in their order. */
export class Turns {
  readonly #waiting: Array<() => void> = []
  #free: number

  constructor(most: number) {
    this.#free = most
  }

  async take<A>(act: () => Promise<A>): Promise<A> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await act()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
