/** Services as instances of classes. */

/** A service whose members are all on its prototype, and reach those of `inner` through a private field. */
export const classed = <A extends object>(inner: A): A => {
  class Classed {
    readonly #inner: A = inner
    read(key: keyof A): unknown {
      return this.#inner[key]
    }
  }
  for (const key of Object.keys(inner) as Array<keyof A>) {
    if (typeof inner[key] === "function") {
      Object.defineProperty(Classed.prototype, key, {
        value: function (this: Classed, ...args: ReadonlyArray<unknown>) {
          return (this.read(key) as (...args: ReadonlyArray<unknown>) => unknown)(...args)
        }
      })
    } else {
      Object.defineProperty(Classed.prototype, key, {
        get: function (this: Classed) {
          return this.read(key)
        }
      })
    }
  }
  return new Classed() as unknown as A
}
