/** A value that parts of the page watch. */
import { useEffect, useState } from "preact/hooks"

/** A value with listeners. */
export class Signal<A> {
  #value: A
  readonly #listeners: Set<() => void> = new Set()

  constructor(value: A) {
    this.#value = value
  }

  get value(): A {
    return this.#value
  }

  set(value: A): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const listener of [...this.#listeners]) listener()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** The signal's value; the component renders again when it changes. */
export const useSignal = <A>(signal: Signal<A>): A => {
  const [, render] = useState(0)
  useEffect(() => {
    const update = (): void => render((times) => times + 1)
    // It may have changed between the first rendering and this effect.
    update()
    return signal.subscribe(update)
  }, [signal])
  return signal.value
}
