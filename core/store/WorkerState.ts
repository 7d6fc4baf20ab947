/** The workers of a Store, and the claims that they hold. */

/** A claim that a worker holds: its lease has not ended. */
export interface HeldClaim {
  readonly runId: string
  readonly pipelineId: string
  readonly step: string
  /** Index among the units of the step, from 0; undefined for a step without items. */
  readonly item: number | undefined
  /** 1 for the first attempt; 0 for a probe. */
  readonly attempt: number
  readonly claimedAtMillis: number
}

/** A worker, connected or holding a claim. Instants are milliseconds since 1970. */
export interface WorkerState {
  readonly id: string
  /** When the Store last heard that the worker is connected; undefined when it only holds claims of a worker that is gone. */
  readonly seenAtMillis: number | undefined
  /** The oldest first. */
  readonly claims: ReadonlyArray<HeldClaim>
}

/** How many connected workers, and how many claims, a Store looks at for one answer. */
export const MAX_SEEN = 500
export const MAX_HELD = 10_000

/** Workers by id, from when each was last seen and from the claims of each. */
export const gather = (
  seen: ReadonlyMap<string, number>,
  claims: Iterable<readonly [worker: string, claim: HeldClaim]>
): ReadonlyArray<WorkerState> => {
  const held = new Map<string, Array<HeldClaim>>()
  for (const worker of seen.keys()) held.set(worker, [])
  for (const [worker, claim] of claims) {
    const others = held.get(worker)
    if (others === undefined) held.set(worker, [claim])
    else others.push(claim)
  }
  return Array.from(held, ([id, own]) => ({
    id,
    seenAtMillis: seen.get(id),
    claims: own.sort((one, other) => one.claimedAtMillis - other.claimedAtMillis)
  })).sort((one, other) => (one.id < other.id ? -1 : 1))
}
