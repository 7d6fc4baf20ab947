/** How busy a Store on Redis is. */
import { type Load, readySince } from "../../core/Load.ts"
import type * as Run from "../../core/Run.ts"
import type { Scripts } from "./Scripts.ts"
import * as StoreTime from "./StoreTime.ts"
import { ABSENT_MILLIS } from "./Versions.ts"

/** How many of the ready queues are looked at, and of how many it is asked since when their first waits. */
const MAX_QUEUES = 1_000
const MAX_ASKED = 100

/** Looks. `get` gives a run; nothing when it is forgotten. Changes nothing. */
export const look = async (
  { client, prefix }: Pick<Scripts, "client" | "prefix">,
  get: (runId: string) => Promise<Run.Run | undefined>
): Promise<Load> => {
  const [queues, running, unfinished, { nowMillis }] = await Promise.all([
    client.zrange(`${prefix}ready`, "0", String(MAX_QUEUES - 1)),
    client.zcard(`${prefix}leases`),
    client.zcard(`${prefix}unfinished`),
    StoreTime.read(client, prefix)
  ])
  const workers = await client.zcount(`${prefix}workers`, nowMillis - ABSENT_MILLIS, "+inf")
  const lengths = await Promise.all(queues.map((queue) => client.llen(`${prefix}q:${queue}`)))
  const waiting = new Map<string, number>()
  for (const [at, queue] of queues.entries()) {
    // `<priority>|<version>:<pipeline>`
    const pipelineId = queue.slice(queue.indexOf(":") + 1)
    waiting.set(pipelineId, (waiting.get(pipelineId) ?? 0) + lengths[at]!)
  }
  const firsts = await Promise.all(
    queues.slice(0, MAX_ASKED).map(async (queue) => {
      const ref = await client.lindex(`${prefix}q:${queue}`, 0)
      const run = ref === null ? undefined : await get(ref.slice(0, ref.indexOf(":")))
      return run === undefined ? nowMillis : readySince(run)
    })
  )
  const oldestWaitingMillis = firsts.reduce((most, since) => Math.max(most, nowMillis - since), 0)
  return { waiting, oldestWaitingMillis, running, unfinished, workers }
}
