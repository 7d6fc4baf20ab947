/** Parses settings and collects every problem with them. */

/** A problem with one setting. */
export interface Problem {
  /** The full name of the setting. */
  readonly setting: string
  /** A sentence whose subject is the setting, such as `is missing`. */
  readonly message: string
}

const PREFIX = "LEVADA_"

/** The message for an unknown name, with the known name that is most like it. */
const unknown = (name: string, known: ReadonlyArray<string>): string => {
  const shown = name.slice(0, 100)
  const distances = known.map((each) => distance(shown, each))
  const least = Math.min(...distances)
  // The further apart, the less likely is a misspelling.
  const nearest = least <= shown.length / 2 ? ` Did you mean ${PREFIX}${known[distances.indexOf(least)]}?` : ""
  return `is unknown.${nearest} The names after ${PREFIX} are: ${known.join(", ")}`
}

/** How many letters must be inserted, removed or replaced to get from one name to the other (Levenshtein). */
const distance = (one: string, other: string): number => {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1]
    for (let to = 0; to < other.length; to++) {
      next.push(Math.min(next[to]! + 1, row[to + 1]! + 1, row[to]! + (one[at] === other[to] ? 0 : 1)))
    }
    row = next
  }
  return row[other.length]!
}

/** Reads the settings with the given names. An unknown name with the prefix is a problem: a misspelt setting could leave access open. */
export class Reader<Name extends string> {
  readonly problems: Array<Problem> = []
  readonly #values: ReadonlyMap<string, string>
  readonly #expected: Readonly<Record<Name, string>>

  constructor(environment: Readonly<Record<string, string | undefined>>, expected: Readonly<Record<Name, string>>) {
    const values = new Map<string, string>()
    for (const [name, value] of Object.entries(environment)) {
      if (!name.startsWith(PREFIX) || value === undefined) continue
      if (typeof value !== "string") {
        this.problems.push({ setting: name.slice(0, 100), message: "must be a text" })
        continue
      }
      const own = name.slice(PREFIX.length)
      if (Object.hasOwn(expected, own)) values.set(own, value.trim())
      else
        this.problems.push({
          setting: name.slice(0, 100),
          message: unknown(own, Object.keys(expected))
        })
    }
    this.#values = values
    this.#expected = expected
  }

  has(name: Name): boolean {
    return this.#values.has(name)
  }

  refuse(name: Name, message: string): undefined {
    this.problems.push({ setting: PREFIX + name, message })
    return undefined
  }

  /** A non-empty text. */
  text(name: Name): string | undefined {
    const value = this.#values.get(name)
    if (value !== "") return value
    this.#mismatch(name)
    return undefined
  }

  flag(name: Name): boolean | undefined {
    const value = this.among(name, ["true", "false"])
    return value === undefined ? undefined : value === "true"
  }

  among<A extends string>(name: Name, choices: ReadonlyArray<A>): A | undefined {
    const value = this.#values.get(name)?.toLowerCase()
    if (value === undefined) return undefined
    const choice = choices.find((each) => each === value)
    if (choice === undefined) this.#mismatch(name)
    return choice
  }

  number(name: Name): number | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    if (/^\d{1,15}$/.test(value)) return Number(value)
    this.#mismatch(name)
    return undefined
  }

  /** The texts between commas. */
  list(name: Name): ReadonlyArray<string> | undefined {
    return this.text(name)
      ?.split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "")
  }

  /** A JSON object. Problems do not quote it: it may contain keys. */
  json<A extends object>(name: Name): A | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    try {
      const parsed: unknown = JSON.parse(value)
      if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as A
    } catch {
      // Reported below.
    }
    this.#mismatch(name)
    return undefined
  }

  /** Calls `make`; if it throws, records the error as a problem of the setting and returns undefined. */
  attempt<A>(name: Name, make: () => A): A | undefined {
    try {
      return make()
    } catch (error) {
      this.refuse(name, error instanceof Error ? error.message : String(error))
      return undefined
    }
  }

  #mismatch(name: Name): void {
    this.refuse(name, `expected ${this.#expected[name]}`)
  }
}
