/** How work on Redis gets to workers, and what they make of it back. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { StoreUnavailable } from "../../core/Errors.ts"
import type * as Store from "../../core/Store.ts"
import type { StoreBounds } from "../../core/StoreBounds.ts"
import type { Json } from "../../core/Value.ts"
import type { Blobs } from "./Blobs.ts"
import type { News } from "./News.ts"
import { LOOK_MILLIS } from "./RedisRuns.ts"
import { traceparentOf } from "./RunCode.ts"
import { type Argument, type Scripts, toUnavailable } from "./Scripts.ts"
import type { Versions } from "./Versions.ts"
import { type RedisClaim, readClaims, unitOf, writeNote, writeSettlement } from "./WorkCode.ts"

/** The work of the workers of this process. */
export class RedisWork {
  readonly #scripts: Scripts
  readonly #news: News
  readonly #versions: Versions
  readonly #bounds: Required<StoreBounds>
  readonly #dueAfter: (millis: string) => void
  readonly #blobs: Blobs
  /** What is lent to workers of this process, by token. */
  readonly #claims: Map<string, RedisClaim> = new Map()

  /** `dueAfter` is told in how many milliseconds something is due. */
  constructor(
    scripts: Scripts,
    news: News,
    versions: Versions,
    bounds: Required<StoreBounds>,
    dueAfter: (millis: string) => void,
    blobs: Blobs
  ) {
    this.#blobs = blobs
    this.#scripts = scripts
    this.#news = news
    this.#versions = versions
    this.#bounds = bounds
    this.#dueAfter = dueAfter
  }

  claim = (request: Store.ClaimRequest): Effect.Effect<ReadonlyArray<Store.Claim>, StoreUnavailable> =>
    Effect.callback<ReadonlyArray<Store.Claim>, StoreUnavailable>((resume) => {
      const { worker } = request
      let isOver = false
      let isAsking = false
      let isGivenUp = false
      let isWoken = false
      let asked: Promise<void> = Promise.resolve()
      let timer: ReturnType<typeof setTimeout> | undefined
      const end = (exit?: Effect.Effect<ReadonlyArray<Store.Claim>, StoreUnavailable>): void => {
        if (isOver) return
        isOver = true
        clearTimeout(timer)
        deaf()
        if (exit !== undefined) resume(exit)
      }
      const ask = (): void => {
        clearTimeout(timer)
        isAsking = true
        isWoken = false
        asked = this.#work(request, [], true).then(
          ([, claims]) => {
            isAsking = false
            if (claims.length > 0) {
              if (isOver) return this.#giveBack(claims)
              end(Effect.succeed(claims))
            } else if (isOver) this.#versions.leave(worker)
            else if (isGivenUp) leave()
            else if (isWoken) ask()
            else {
              timer = setTimeout(ask, LOOK_MILLIS)
              request.onWait?.(() => {
                isGivenUp = true
                if (!isAsking) leave()
              })
            }
          },
          (error) => end(Effect.fail(toUnavailable(error)))
        )
      }
      const leave = (): void => {
        // Or else it would be woken for work that others are waiting for.
        if (!isOver) this.#versions.leave(worker)
        end(Effect.succeed([]))
      }
      const deaf = this.#news.workers.add(worker, () => {
        if (isAsking) isWoken = true
        else ask()
      })
      ask()
      return Effect.sync(() => {
        if (!isAsking && !isOver) this.#versions.leave(worker)
        end()
        // What is lent meanwhile is given back before the connection is closed.
      }).pipe(Effect.andThen(Effect.promise(() => asked)))
    })

  renew = (claims: ReadonlyArray<Store.Claim>): Effect.Effect<ReadonlyArray<Store.Claim>, StoreUnavailable> => {
    const args: Array<Argument> = [this.#bounds.leaseMillis]
    for (const claim of claims) args.push(unitOf(claim), claim.token)
    return Effect.map(this.#scripts.run<ReadonlyArray<number>>("renew", args), (lost) =>
      lost.map((place) => claims[place]!)
    )
  }

  settle = (
    settlements: ReadonlyArray<Store.Settlement>,
    request?: Store.ClaimRequest
  ): Effect.Effect<Store.Settled, StoreUnavailable> =>
    Effect.tryPromise({
      try: async () => {
        const [refused, claims] = await this.#work(request, settlements, false)
        for (const { claim } of settlements) this.#claims.delete(claim.token)
        return { refused: refused.map((place) => settlements[place]!), claims }
      },
      catch: toUnavailable
    })

  note = (notes: ReadonlyArray<Store.Note>): Effect.Effect<void, StoreUnavailable> => {
    const args: Array<Argument> = []
    for (const note of notes) writeNote(args, note)
    return args.length === 0 ? Effect.void : Effect.asVoid(this.#scripts.run("note", args))
  }

  revoked = (worker: string): Stream.Stream<Store.Claim> => {
    const open = Effect.map(Queue.unbounded<Store.Claim>(), (queue) => {
      const deaf = this.#news.revoked.add(worker, (token) => {
        const claim = this.#claims.get(token)
        if (claim !== undefined) Queue.offerUnsafe(queue, claim)
      })
      return { queue, deaf }
    })
    const close = ({ queue, deaf }: { readonly queue: Queue.Queue<Store.Claim>; readonly deaf: () => void }) =>
      Effect.andThen(Effect.sync(deaf), Queue.shutdown(queue))
    return Stream.unwrap(Effect.map(Effect.acquireRelease(open, close), ({ queue }) => Stream.fromQueue(queue)))
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  /** Settles, and lends what is asked for. Gives which settlements were refused, by place. */
  async #work(
    request: Store.ClaimRequest | undefined,
    settlements: ReadonlyArray<Store.Settlement>,
    waits: boolean
  ): Promise<readonly [refused: ReadonlyArray<number>, claims: ReadonlyArray<RedisClaim>]> {
    const { leaseMillis, maxValueBytes, historyCount, memoCount } = this.#bounds
    const digest = request === undefined ? "" : this.#versions.digestOf(request.worker, request.versions)
    const args: Array<Argument> = [
      request?.worker ?? "",
      request?.max ?? 0,
      digest,
      waits ? "1" : "",
      settlements.length,
      maxValueBytes,
      historyCount,
      leaseMillis,
      memoCount
    ]
    const kept = this.#blobs.isUsed
      ? await Promise.all(settlements.map((settlement) => this.#blobs.ofSettlement(settlement)))
      : settlements
    for (const settlement of kept) writeSettlement(args, settlement)
    let answer = (await this.#scripts.call("work", args)) as readonly [string, string, string]
    if (answer[0] === "VERSIONS") {
      await this.#versions.bring(digest, request!.versions)
      answer = (await this.#scripts.call("work", args)) as typeof answer
    }
    const [refused, due, lent] = answer
    this.#dueAfter(due)
    const read = this.#blobs.isUsed ? await this.#withValues(readClaims(lent)) : readClaims(lent)
    const claims = request?.isTraced === true && read.length > 0 ? await this.#withSpans(read) : read
    for (const claim of claims) this.#claims.set(claim.token, claim)
    return [refused === "" ? [] : refused.split(",").map(Number), claims]
  }

  /** The claims with what their values were; when one can't be had, they are given back. */
  async #withValues(claims: ReadonlyArray<RedisClaim>): Promise<ReadonlyArray<RedisClaim>> {
    try {
      return await Promise.all(
        claims.map(async (claim) => {
          const values = new Map<string, Json>()
          for (const [name, kept] of claim.values) values.set(name, await this.#blobs.back(kept))
          return { ...claim, values }
        })
      )
    } catch (error) {
      this.#giveBack(claims)
      throw error
    }
  }

  /** The claims with the spans of their runs; one that can't be had is no reason not to work. */
  async #withSpans(claims: ReadonlyArray<RedisClaim>): Promise<ReadonlyArray<RedisClaim>> {
    const { client, prefix } = this.#scripts
    const ids = [...new Set(claims.map(({ runId }) => runId))]
    const found = await Promise.all(
      ids.map((id) =>
        client.hget(`${prefix}r:${id}`, "j").then((own) => [id, traceparentOf(own ?? undefined)] as const)
      )
    ).catch(() => [])
    const spans = new Map(found)
    return claims.map((claim) => ({ ...claim, traceparent: spans.get(claim.runId) }))
  }

  /** What was lent to somebody who does not want it any more. */
  #giveBack(claims: ReadonlyArray<Store.Claim>): Promise<void> {
    const settlements = claims.map((claim) => ({
      claim,
      outcome: { _tag: "Released", reason: "its worker has stopped waiting" } as const
    }))
    // When this fails too, the leases end by themselves.
    const given = this.#work(undefined, settlements, false).then(
      () => undefined,
      () => undefined
    )
    for (const { token } of claims) this.#claims.delete(token)
    return given
  }
}
