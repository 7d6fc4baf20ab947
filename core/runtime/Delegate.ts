/** An object in front of another one that takes some of its members' places. */

/**
 * `original` with the members `own` in place of its own. Every other member is the original's, also those of its class,
 * and a method runs on the original: a spread would lose the methods of a class, and their private fields.
 */
export const replacing = <A extends object>(original: A, own: Partial<A>): A =>
  // Over an empty object: a proxy may not replace the members of a frozen one.
  new Proxy({} as A, {
    get: (_, key) => {
      if (Object.hasOwn(own, key)) return own[key as keyof A]
      const member: unknown = Reflect.get(original, key)
      return typeof member === "function" ? member.bind(original) : member
    },
    has: (_, key) => Object.hasOwn(own, key) || key in original
  })
