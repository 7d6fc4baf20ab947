/** How busy a Store on Redis is. */

import * as Version from "../../../core/pipeline/Version.ts"
import { OVERDUE_MILLIS } from "../../../core/run/Schedule.ts"
import { type Load, MAX_NAMED, type Overdue, Tally } from "../../../core/store/Load.ts"
import type { Scripts } from "../connection/Scripts.ts"
import * as StoreTime from "../connection/StoreTime.ts"
import type { RunReader } from "../runs/RunReader.ts"
import { present } from "./WorkerPresence.ts"

/** How many of the ready queues are looked at, and of how many it is asked since when their first waits. */
const MAX_QUEUES = 500
const MAX_ASKED = 100

/** Schedules that no server has fired in time, the longest overdue first. */
export const overdueAt = async (
  { client, prefix }: Pick<Scripts, "client" | "prefix">,
  nowMillis: number
): Promise<ReadonlyArray<Overdue>> => {
  const until = `(${nowMillis - OVERDUE_MILLIS}`
  const ids = await client.zrangebyscore(`${prefix}schedule:due`, "-inf", until, "LIMIT", 0, MAX_NAMED)
  const pipelineIds = await Promise.all(ids.map((id) => client.hget(`${prefix}schedule:${id}`, "i")))
  return ids.flatMap((id, at) => (pipelineIds[at] === null ? [] : [{ id, pipelineId: pipelineIds[at]! }]))
}

/** Looks. Changes nothing. */
export const look = async (
  scripts: Pick<Scripts, "client" | "prefix">,
  reader: Pick<RunReader, "changedAt">
): Promise<Load> => {
  const { client, prefix } = scripts
  const [ready, alone, running, unfinished, { nowMillis }] = await Promise.all([
    client.zrange(`${prefix}ready`, "0", String(MAX_QUEUES - 1)),
    client.zrange(`${prefix}alone`, "0", String(MAX_QUEUES - 1)),
    client.zcard(`${prefix}leases`),
    client.zcard(`${prefix}unfinished`),
    StoreTime.read(client, prefix)
  ])
  const [{ workers, lacking }, overdue] = await Promise.all([
    present(scripts, nowMillis),
    overdueAt(scripts, nowMillis)
  ])
  const queues = [...ready.map((name) => ["q", name] as const), ...alone.map((name) => ["a", name] as const)]
  // `<priority>|<version>:<pipeline>`
  const versions = queues.map(([, name]) => name.slice(name.indexOf("|") + 1))
  const isLacking = await lacking([...new Set(versions)])
  const abandoned = new Tally()
  const lengths = await Promise.all(queues.map(([kind, name]) => client.llen(`${prefix}${kind}:${name}`)))
  const waiting = new Map<string, number>()
  for (const at of queues.keys()) {
    const { pipelineId } = Version.parts(versions[at]!)
    waiting.set(pipelineId, (waiting.get(pipelineId) ?? 0) + lengths[at]!)
    if (isLacking.has(versions[at]!)) abandoned.add(versions[at]!, lengths[at]!)
  }
  const refs = await Promise.all(
    queues.slice(0, MAX_ASKED).map(([kind, name]) => client.lindex(`${prefix}${kind}:${name}`, 0))
  )
  const runIds = refs.flatMap((ref) => (ref === null ? [] : [ref.slice(0, ref.indexOf(":"))]))
  const sinces = await reader.changedAt(runIds)
  const oldestWaitingMillis = sinces.reduce((most, since) => Math.max(most, nowMillis - since), 0)
  return { waiting, oldestWaitingMillis, running, unfinished, workers, abandoned: abandoned.rows, overdue }
}
