/** The small tables of a Store in memory: ACLs, registered pipelines and tokens. Each has a maximum number of rows. */
import * as Effect from "effect/Effect"
import { type Acls, MAX_ACLS } from "../store/Acls.ts"
import { MAX_DEFINITIONS, type PipelineDefinitions, type StoredDefinition } from "../store/PipelineDefinitions.ts"
import { MAX_TOKENS, type Tokens } from "../store/Tokens.ts"
import type { Acl } from "../values/Acl.ts"
import { StoreUnavailable } from "../values/Errors.ts"
import type { Principal } from "../values/Principal.ts"
import type { Recorder } from "./Recorder.ts"

/** The ACLs, by pipeline. */
export class MemoryAcls implements Acls {
  readonly #kept: Map<string, Acl> = new Map()
  readonly #recorder: Recorder | undefined

  constructor(recorder?: Recorder) {
    this.#recorder = recorder
  }

  /** Continues with an ACL of an earlier Store. */
  restore(pipelineId: string, acl: Acl): void {
    this.#kept.set(pipelineId, acl)
  }

  list: Effect.Effect<ReadonlyMap<string, Acl>> = Effect.sync(() => new Map(this.#kept))

  put = (pipelineId: string, acl: Acl): Effect.Effect<void, StoreUnavailable> =>
    Effect.suspend(() => {
      if (this.#kept.size >= MAX_ACLS && !this.#kept.has(pipelineId)) {
        return Effect.fail(new StoreUnavailable(`No new ACL is accepted: the Store has ${MAX_ACLS}`))
      }
      this.#recorder?.put("acl", pipelineId, acl)
      this.#kept.set(pipelineId, acl)
      return Effect.void
    })

  remove = (pipelineId: string): Effect.Effect<void> =>
    Effect.sync(() => {
      if (this.#kept.delete(pipelineId)) this.#recorder?.put("acl", pipelineId, undefined)
    })

  changed: Effect.Effect<void> = Effect.never
}

/** The registered pipelines, by id. */
export class MemoryDefinitions implements PipelineDefinitions {
  readonly #kept: Map<string, StoredDefinition> = new Map()
  readonly #recorder: Recorder | undefined

  constructor(recorder?: Recorder) {
    this.#recorder = recorder
  }

  /** Continues with a definition of an earlier Store. */
  restore(definition: StoredDefinition): void {
    this.#kept.set(definition.id, definition)
  }

  get = (id: string): Effect.Effect<StoredDefinition | undefined> => Effect.sync(() => this.#kept.get(id))

  list: Effect.Effect<ReadonlyArray<StoredDefinition>> = Effect.sync(() => [...this.#kept.values()])

  put = (definition: StoredDefinition): Effect.Effect<boolean, StoreUnavailable> =>
    Effect.suspend(() => {
      if (this.#kept.has(definition.id)) return Effect.succeed(false)
      if (this.#kept.size >= MAX_DEFINITIONS) {
        return Effect.fail(new StoreUnavailable(`No new pipeline is accepted: ${MAX_DEFINITIONS} are registered`))
      }
      this.#recorder?.put("definition", definition.id, definition)
      this.#kept.set(definition.id, definition)
      return Effect.succeed(true)
    })

  remove = (id: string): Effect.Effect<boolean> =>
    Effect.sync(() => {
      const isDeleted = this.#kept.delete(id)
      if (isDeleted) this.#recorder?.put("definition", id, undefined)
      return isDeleted
    })

  changed: Effect.Effect<void> = Effect.never
}

/** A token that is kept. */
export interface KeptToken {
  readonly principal: Principal
  readonly endsAtMillis: number
}

/** The tokens, by digest. */
export class MemoryTokens implements Tokens {
  readonly #now: () => number
  readonly #kept: Map<string, KeptToken> = new Map()
  readonly #recorder: Recorder | undefined

  constructor(now: () => number, recorder?: Recorder) {
    this.#now = now
    this.#recorder = recorder
  }

  /** Continues with a token of an earlier Store. */
  restore(digest: string, token: KeptToken): void {
    if (token.endsAtMillis > this.#now()) this.#kept.set(digest, token)
    else this.#drop(digest)
  }

  put = (digest: string, principal: Principal, ttlMillis: number): Effect.Effect<void, StoreUnavailable> =>
    Effect.suspend(() => {
      const now = this.#now()
      if (this.#kept.size >= MAX_TOKENS) {
        for (const [other, { endsAtMillis }] of this.#kept) if (endsAtMillis <= now) this.#drop(other)
      }
      if (this.#kept.size >= MAX_TOKENS) {
        return Effect.fail(new StoreUnavailable(`No new token is issued: ${MAX_TOKENS} are in use`))
      }
      const token: KeptToken = { principal, endsAtMillis: now + ttlMillis }
      this.#recorder?.put("token", digest, token)
      this.#kept.set(digest, token)
      return Effect.void
    })

  get = (digest: string): Effect.Effect<Principal | undefined> =>
    Effect.sync(() => {
      const kept = this.#kept.get(digest)
      if (kept === undefined || kept.endsAtMillis > this.#now()) return kept?.principal
      this.#drop(digest)
      return undefined
    })

  #drop(digest: string): void {
    this.#kept.delete(digest)
    this.#recorder?.put("token", digest, undefined)
  }
}
