/** The small tables of a Store in memory: ACLs, registered pipelines and tokens. Each has a maximum number of rows. */
import * as Effect from "effect/Effect"
import { type Acls, MAX_ACLS } from "../store/Acls.ts"
import { MAX_DEFINITIONS, type PipelineDefinitions, type StoredDefinition } from "../store/PipelineDefinitions.ts"
import { MAX_TOKENS, type Tokens } from "../store/Tokens.ts"
import type { Acl } from "../values/Acl.ts"
import { StoreUnavailable } from "../values/Errors.ts"
import type { Principal } from "../values/Principal.ts"

/** The ACLs, by pipeline. */
export class MemoryAcls implements Acls {
  readonly #kept: Map<string, Acl> = new Map()

  list: Effect.Effect<ReadonlyMap<string, Acl>> = Effect.sync(() => new Map(this.#kept))

  put = (pipelineId: string, acl: Acl): Effect.Effect<void, StoreUnavailable> =>
    Effect.suspend(() => {
      if (this.#kept.size >= MAX_ACLS && !this.#kept.has(pipelineId)) {
        return Effect.fail(new StoreUnavailable(`No new ACL is taken: there are ${MAX_ACLS}`))
      }
      this.#kept.set(pipelineId, acl)
      return Effect.void
    })

  remove = (pipelineId: string): Effect.Effect<void> => Effect.sync(() => void this.#kept.delete(pipelineId))

  changed: Effect.Effect<void> = Effect.never
}

/** The registered pipelines, by id. */
export class MemoryDefinitions implements PipelineDefinitions {
  readonly #kept: Map<string, StoredDefinition> = new Map()

  get = (id: string): Effect.Effect<StoredDefinition | undefined> => Effect.sync(() => this.#kept.get(id))

  list: Effect.Effect<ReadonlyArray<StoredDefinition>> = Effect.sync(() => [...this.#kept.values()])

  put = (definition: StoredDefinition): Effect.Effect<boolean, StoreUnavailable> =>
    Effect.suspend(() => {
      if (this.#kept.has(definition.id)) return Effect.succeed(false)
      if (this.#kept.size >= MAX_DEFINITIONS) {
        return Effect.fail(new StoreUnavailable(`No new pipeline is taken: ${MAX_DEFINITIONS} are registered`))
      }
      this.#kept.set(definition.id, definition)
      return Effect.succeed(true)
    })

  remove = (id: string): Effect.Effect<boolean> => Effect.sync(() => this.#kept.delete(id))

  changed: Effect.Effect<void> = Effect.never
}

/** The tokens, by digest. */
export class MemoryTokens implements Tokens {
  readonly #now: () => number
  readonly #kept: Map<string, { readonly principal: Principal; readonly endsAtMillis: number }> = new Map()

  constructor(now: () => number) {
    this.#now = now
  }

  put = (digest: string, principal: Principal, ttlMillis: number): Effect.Effect<void, StoreUnavailable> =>
    Effect.suspend(() => {
      const now = this.#now()
      if (this.#kept.size >= MAX_TOKENS) {
        for (const [other, { endsAtMillis }] of this.#kept) if (endsAtMillis <= now) this.#kept.delete(other)
      }
      if (this.#kept.size >= MAX_TOKENS) {
        return Effect.fail(new StoreUnavailable(`No new token is given out: ${MAX_TOKENS} are in use`))
      }
      this.#kept.set(digest, { principal, endsAtMillis: now + ttlMillis })
      return Effect.void
    })

  get = (digest: string): Effect.Effect<Principal | undefined> =>
    Effect.sync(() => {
      const kept = this.#kept.get(digest)
      if (kept === undefined || kept.endsAtMillis > this.#now()) return kept?.principal
      this.#kept.delete(digest)
      return undefined
    })
}
