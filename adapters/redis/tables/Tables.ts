/** Tables of up to some thousand entries, read in replies of bounded size. */
import * as Effect from "effect/Effect"
import type { StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Look, Notifications } from "../connection/Notifications.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { ANSWER_BYTES } from "../runs/Fields.ts"

/** The members of a set. */
export const members = async (scripts: Scripts, key: string): Promise<ReadonlySet<string>> => {
  const found = new Set<string>()
  for await (const some of scan(scripts, "SSCAN", key)) for (const member of some) found.add(member)
  return found
}

async function* scan(scripts: Scripts, command: "HSCAN" | "SSCAN", key: string): AsyncIterable<ReadonlyArray<string>> {
  let cursor = "0"
  do {
    const answer = await scripts.call("scan", [command, key, cursor, ANSWER_BYTES])
    const [next, some] = answer as readonly [string, ReadonlyArray<string>]
    yield some
    cursor = next
  } while (cursor !== "0")
}

/** The result of `keep`: kept; refused because its id is taken; or refused because the table is full. */
type Kept = "kept" | "taken" | "full"

const KEPT: Readonly<Record<string, Kept>> = { "1": "kept", "0": "taken", "-1": "full" }

/** A hash of texts by id, of at most `most` entries, that other processes may change. */
export class Table {
  readonly #scripts: Scripts
  readonly #notifications: Notifications
  readonly #look: Look
  readonly #key: string
  readonly #most: number
  /** Waits until an entry may have changed since the last `entries`. */
  readonly changed: Effect.Effect<void>

  constructor(scripts: Scripts, notifications: Notifications, key: string, most: number) {
    this.#scripts = scripts
    this.#notifications = notifications
    this.#look = notifications.look()
    this.#key = key
    this.#most = most
    this.changed = this.#look.changed
  }

  /** The texts by id. Entries that are added or removed meanwhile may be missing or included. */
  readonly entries: Effect.Effect<ReadonlyMap<string, string>, StoreUnavailable> = Effect.suspend(() => {
    this.#look.begin()
    return this.#scripts.ask(async () => {
      const found = new Map<string, string>()
      for await (const some of scan(this.#scripts, "HSCAN", this.#key)) {
        for (let at = 0; at < some.length; at += 2) found.set(some[at]!, some[at + 1]!)
      }
      return found
    })
  })

  get(id: string): Effect.Effect<string | null, StoreUnavailable> {
    return this.#scripts.ask((client, prefix) => client.hget(`${prefix}${this.#key}`, id))
  }

  /** Keeps a text. With `replace`, it may replace the entry with the same id. */
  keep(id: string, text: string, replace: boolean): Effect.Effect<Kept, StoreUnavailable> {
    const args = [this.#key, id, text, this.#most, replace ? "1" : ""]
    return Effect.map(this.#scripts.run<number>("keep", args), (answer) => KEPT[String(answer)]!)
  }

  /** Removes an entry. Gives whether it was there. */
  remove(id: string): Effect.Effect<boolean, StoreUnavailable> {
    return this.#scripts.ask(async (client, prefix) => {
      const wasThere = (await client.hdel(`${prefix}${this.#key}`, id)) === 1
      if (wasThere) await this.#notifications.publishChanged(client)
      return wasThere
    })
  }
}
