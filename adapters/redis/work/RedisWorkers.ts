/** The workers of a Store on Redis, and the claims that they hold. */

import { gather, type HeldClaim, MAX_HELD, MAX_SEEN, type WorkerState } from "../../../core/store/WorkerState.ts"
import type { Scripts } from "../connection/Scripts.ts"
import * as StoreTime from "../connection/StoreTime.ts"
import { BOUND, KEY } from "../lua/Codes.ts"
import { digestOf, type RunReader } from "../runs/RunReader.ts"

/** A lease: token, attempt, start, phase, whether it holds limits, worker. See WORK in Codes.ts. */
const LEASE = /^(\d+)\|(\d+)\|(\d+)\|[A-Za-z]\|[01]\|(.*)$/s

/** A member of KEY.leases: run, step, item, token. */
const UNIT = /^([^:]+):(\d+):?(\d*)\|(\d+)$/

/** Reads the workers. Changes nothing. */
export const read = async (
  scripts: Pick<Scripts, "client" | "prefix" | "call">,
  reader: Pick<RunReader, "planOf">
): Promise<ReadonlyArray<WorkerState>> => {
  const { client, prefix } = scripts
  const { nowMillis } = await StoreTime.read(client, prefix)
  const since = nowMillis - BOUND.absentMillis
  const rows = await client.zrevrangebyscore(
    `${prefix}${KEY.workers}`,
    "+inf",
    since,
    "WITHSCORES",
    "LIMIT",
    0,
    MAX_SEEN
  )
  const seen = new Map<string, number>()
  for (let at = 0; at < rows.length; at += 2) {
    // Digest and worker. A worker whose versions have changed is there twice, the later one first.
    const worker = rows[at]!.slice(rows[at]!.indexOf(" ") + 1)
    if (!seen.has(worker)) seen.set(worker, Number(rows[at + 1]))
  }
  // By member, because a scan may return a lease twice.
  const claims = new Map<string, readonly [string, HeldClaim]>()
  let cursor = "0"
  do {
    const answer = await scripts.call("leases", [cursor])
    const [next, found] = answer as readonly [string, ReadonlyArray<string>]
    for (let at = 0; at < found.length; at += 3) {
      const [, runId, index, item, token] = UNIT.exec(found[at]!) ?? []
      const [, current, attempt, claimedAt, worker] = LEASE.exec(found[at + 1]!) ?? []
      const plan = await reader.planOf(digestOf(found[at + 2]!))
      const step = plan?.steps[Number(index)]?.name
      // A lease of another token is held by a later claim, which has a member of its own.
      if (step === undefined || token !== current || claims.size >= MAX_HELD) continue
      const { pipelineId } = plan!
      const about = { runId: runId!, pipelineId, step, item: item === "" ? undefined : Number(item) }
      claims.set(found[at]!, [worker!, { ...about, attempt: Number(attempt), claimedAtMillis: Number(claimedAt) }])
    }
    cursor = next
  } while (cursor !== "0" && claims.size < MAX_HELD)
  return gather(seen, claims.values())
}
