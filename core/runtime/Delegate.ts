/** Overrides some members of an object without changing it. */

/**
 * An object with the members of `own`, and all other members of `original`. Methods of `original` run on `original`
 * itself. A spread would lose the methods of its class, and these could not reach its private fields.
 */
export const replacing = <A extends object>(original: A, own: Partial<A>): A =>
  // The target is an empty object: a proxy of a frozen target may not override its members.
  new Proxy({} as A, {
    get: (_, key) => {
      if (Object.hasOwn(own, key)) return own[key as keyof A]
      const member: unknown = Reflect.get(original, key)
      return typeof member === "function" ? member.bind(original) : member
    },
    has: (_, key) => Object.hasOwn(own, key) || key in original
  })
