/** The tokens of a Store on Redis: whom each stands for, under its digest, until it expires. */
import * as Effect from "effect/Effect"
import { MAX_TOKENS, type Tokens } from "../../../core/store/Tokens.ts"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import type { Principal } from "../../../core/values/Principal.ts"
import type { Scripts } from "../connection/Scripts.ts"

export class RedisTokens implements Tokens {
  readonly #scripts: Scripts

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  put = (digest: string, principal: Principal, ttlMillis: number): Effect.Effect<void, StoreUnavailable> =>
    Effect.flatMap(
      this.#scripts.run<number>("keepToken", [digest, JSON.stringify(principal), Math.ceil(ttlMillis), MAX_TOKENS]),
      (isKept) =>
        isKept === 1
          ? Effect.void
          : Effect.fail(new StoreUnavailable(`No new token is given out: ${MAX_TOKENS} are in use`))
    )

  get = (digest: string): Effect.Effect<Principal | undefined, StoreUnavailable> =>
    this.#scripts.ask(async (client, prefix) => {
      const text = await client.get(`${prefix}token:${digest}`)
      return text === null ? undefined : (JSON.parse(text) as Principal)
    })
}
