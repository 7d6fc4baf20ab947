/** How work on Redis gets to workers, and what they make of it back. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { assertNotes, assertSettlements } from "../../../core/store/Recordable.ts"
import type { StoreBounds } from "../../../core/store/StoreBounds.ts"
import type * as Work from "../../../core/store/Work.ts"
import type { StoreUnavailable } from "../../../core/values/Errors.ts"
import { MAX_BYTES, slices } from "../connection/CallSize.ts"
import type { Notifications } from "../connection/Notifications.ts"
import { type Argument, attempt, failureOf, type Scripts } from "../connection/Scripts.ts"
import type { Blobs } from "../runs/Blobs.ts"
import { LOOK_MILLIS } from "../runs/RedisRuns.ts"
import { traceparentOf } from "../runs/RunCode.ts"
import type { ClaimValues } from "./ClaimValues.ts"
import type { LeaseRenewal } from "./LeaseRenewal.ts"
import { stage, stageOutputs } from "./Staging.ts"
import {
  bytesOf,
  bytesOfNote,
  type RedisClaim,
  readClaims,
  unitOf,
  writeNote,
  writeSettlement,
  writeStaged
} from "./WorkCode.ts"
import type { WorkerPresence } from "./WorkerPresence.ts"

/** What a call of the script gives. */
interface Worked {
  /** The settlements that were refused, by place. */
  readonly refused: ReadonlyArray<number>
  readonly claims: ReadonlyArray<RedisClaim>
  /** From which queue to look for more; nothing when all was looked at. */
  readonly moreFrom: string
}

const NO_SETTLEMENTS: ReadonlyArray<Work.Settlement> = []

/** The work of the workers of this process. */
export class RedisWork {
  readonly #scripts: Scripts
  readonly #news: Notifications
  readonly #versions: WorkerPresence
  readonly #bounds: Required<StoreBounds>
  readonly #dueAfter: (millis: string) => void
  readonly #blobs: Blobs
  readonly #values: ClaimValues
  readonly #report: (message: string) => void
  readonly #renewing: LeaseRenewal | undefined
  /** What is lent to workers of this process, by token. */
  readonly #claims: Map<string, RedisClaim> = new Map()

  /**
   * `dueAfter` is told in how many milliseconds something is due; `report` of units that could not be looked at. `renewing`
   * is shown all claims.
   */
  constructor(
    scripts: Scripts,
    news: Notifications,
    versions: WorkerPresence,
    bounds: Required<StoreBounds>,
    dueAfter: (millis: string) => void,
    blobs: Blobs,
    values: ClaimValues,
    report: (message: string) => void,
    renewing: LeaseRenewal | undefined
  ) {
    this.#renewing = renewing
    this.#blobs = blobs
    this.#values = values
    this.#scripts = scripts
    this.#news = news
    this.#versions = versions
    this.#bounds = bounds
    this.#dueAfter = dueAfter
    this.#report = report
  }

  claim = (request: Work.ClaimRequest): Effect.Effect<ReadonlyArray<Work.Claim>, StoreUnavailable> =>
    Effect.callback<ReadonlyArray<Work.Claim>, StoreUnavailable>((resume) => {
      const { worker } = request
      let isOver = false
      let isAsking = false
      let isGivenUp = false
      let isWoken = false
      let asked: Promise<void> = Promise.resolve()
      let timer: ReturnType<typeof setTimeout> | undefined
      const end = (exit?: Effect.Effect<ReadonlyArray<Work.Claim>, StoreUnavailable>): void => {
        if (isOver) return
        isOver = true
        clearTimeout(timer)
        deaf()
        if (exit !== undefined) resume(exit)
      }
      const ask = (from = ""): void => {
        clearTimeout(timer)
        isAsking = true
        isWoken = false
        asked = this.#work(request, NO_SETTLEMENTS, true, from).then(
          ({ claims, moreFrom }) => {
            isAsking = false
            if (claims.length > 0) {
              if (isOver) return this.#giveBack(claims)
              end(Effect.succeed(claims))
            } else if (isOver) this.#versions.leave(worker)
            else if (isGivenUp) leave()
            else if (moreFrom !== "") ask(moreFrom)
            else if (isWoken) ask()
            else {
              timer = setTimeout(ask, LOOK_MILLIS)
              request.onWait?.(() => {
                isGivenUp = true
                if (!isAsking) leave()
              })
            }
          },
          (error) => end(failureOf(error))
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

  renew = (claims: ReadonlyArray<Work.Claim>): Effect.Effect<ReadonlyArray<Work.Claim>, StoreUnavailable> =>
    Effect.map(
      Effect.forEach(
        slices(claims, () => 0),
        (part) => {
          const args: Array<Argument> = [Math.ceil(this.#bounds.leaseMillis)]
          for (const claim of part) args.push(unitOf(claim), claim.token)
          return Effect.map(this.#scripts.run<ReadonlyArray<number>>("renew", args), (lost) =>
            lost.map((place) => part[place]!)
          )
        }
      ),
      (lost) => lost.flat()
    )

  settle = (
    settlements: ReadonlyArray<Work.Settlement>,
    request?: Work.ClaimRequest
  ): Effect.Effect<Work.Settled, StoreUnavailable> =>
    attempt(async () => {
      assertSettlements(settlements)
      const refused: Array<Work.Settlement> = []
      const parts = settlements.length === 0 ? [NO_SETTLEMENTS] : slices(settlements, bytesOf)
      for (const [at, part] of parts.entries()) {
        const isLast = at === parts.length - 1
        const worked = await this.#work(isLast ? request : undefined, part, false)
        for (const place of worked.refused) refused.push(part[place]!)
        for (const { claim } of part) this.#ended(claim)
        if (isLast) return { refused, claims: worked.claims }
      }
      return { refused, claims: [] }
    })

  note = (notes: ReadonlyArray<Work.Note>): Effect.Effect<void, StoreUnavailable> =>
    Effect.suspend(() => {
      assertNotes(notes)
      return Effect.forEach(
        slices(notes, bytesOfNote),
        (part) => {
          const args: Array<Argument> = []
          for (const note of part) writeNote(args, note)
          return this.#scripts.run("note", args)
        },
        { discard: true }
      )
    })

  revoked = (worker: string): Stream.Stream<Work.Claim> => {
    const open = Effect.map(Queue.unbounded<Work.Claim>(), (queue) => {
      const deaf = this.#news.revoked.add(worker, (token) => {
        const claim = this.#claims.get(token)
        if (claim !== undefined) Queue.offerUnsafe(queue, claim)
      })
      return { queue, deaf }
    })
    const close = ({ queue, deaf }: { readonly queue: Queue.Queue<Work.Claim>; readonly deaf: () => void }) =>
      Effect.andThen(Effect.sync(deaf), Queue.shutdown(queue))
    return Stream.unwrap(Effect.map(Effect.acquireRelease(open, close), ({ queue }) => Stream.fromQueue(queue)))
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  /** Settles, and lends what is asked for. */
  async #work(
    request: Work.ClaimRequest | undefined,
    settlements: ReadonlyArray<Work.Settlement>,
    waits: boolean,
    from = ""
  ): Promise<Worked> {
    const { leaseMillis, maxValueBytes, historyCount, memoCount, maxLosses } = this.#bounds
    const digest = request === undefined ? "" : this.#versions.digestOf(request.worker, request.versions)
    const args: Array<Argument> = [
      request?.worker ?? "",
      request?.max ?? 0,
      digest,
      waits ? "1" : "",
      settlements.length,
      maxValueBytes,
      historyCount,
      Math.ceil(leaseMillis),
      memoCount,
      maxLosses,
      request?.isIdle === true ? "1" : "",
      from === "" ? 0 : from
    ]
    const kept = this.#blobs.isUsed
      ? await Promise.all(settlements.map((settlement) => this.#blobs.ofSettlement(settlement)))
      : settlements
    for (const settlement of kept) {
      const { claim, outcome } = settlement
      if (outcome._tag === "Expanded") {
        writeSettlement(args, settlement, await stage(this.#scripts, claim, outcome))
      } else if (outcome._tag === "Completed" && outcome.failed === undefined && bytesOf(settlement) > MAX_BYTES) {
        writeStaged(args, settlement, outcome, await stageOutputs(this.#scripts, claim, outcome.outputs))
      } else writeSettlement(args, settlement, undefined)
    }
    let answer = (await this.#scripts.call("work", args)) as Answer
    if (answer[0] === "VERSIONS") {
      await this.#versions.bring(digest, request!.versions)
      answer = (await this.#scripts.call("work", args)) as Answer
    }
    const [refused, due, lent, moreFrom, isAloneWaiting, broken] = answer
    this.#dueAfter(due)
    for (const each of broken) this.#report(each)
    if (isAloneWaiting === "1") request?.onAloneWaiting?.()
    const places = refused === "" ? [] : refused.split(",").map(Number)
    if (this.#blobs.isUsed) for (const place of places) await this.#blobs.discardSettlement(kept[place]!)
    const read = readClaims(lent)
    const claims = read.length === 0 ? read : await this.#completed(read, request?.isTraced === true)
    return { refused: places, claims, moreFrom }
  }

  /** Claims with all of their values. Those whose values can't be had are settled, and not given to the worker. */
  async #completed(read: ReadonlyArray<RedisClaim>, isTraced: boolean): Promise<ReadonlyArray<RedisClaim>> {
    for (const claim of read) {
      this.#claims.set(claim.token, claim)
      this.#renewing?.add(claim)
    }
    const { claims, lacking } = await this.#values.complete(read)
    if (lacking.length > 0) await this.#settleQuietly(lacking)
    const spanned = isTraced && claims.length > 0 ? await this.#withSpans(claims) : claims
    for (const claim of spanned) this.#claims.set(claim.token, claim)
    return spanned
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

  /** Gives back claims that came after their worker has stopped waiting. */
  #giveBack(claims: ReadonlyArray<Work.Claim>): Promise<void> {
    const outcome = { _tag: "Released", reason: "its worker has stopped waiting" } as const
    return this.#settleQuietly(claims.map((claim) => ({ claim, outcome })))
  }

  /** When this fails, the leases end by themselves. */
  async #settleQuietly(settlements: ReadonlyArray<Work.Settlement>): Promise<void> {
    await this.#work(undefined, settlements, false).catch(() => undefined)
    for (const { claim } of settlements) this.#ended(claim)
  }

  #ended(claim: Work.Claim): void {
    this.#claims.delete(claim.token)
    this.#renewing?.remove(claim)
  }
}

type Answer = readonly [
  refused: string,
  due: string,
  lent: string,
  moreFrom: string,
  isAloneWaiting: string,
  broken: ReadonlyArray<string>
]
