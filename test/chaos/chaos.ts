/**
 * Many processes on one Redis, while everything that can break does: `npm run chaos -- --seconds 600 --seed 42`. Ends
 * with 0 when everything held, and prints what did not. `--rate` is how many runs are started each second, `--backlog`
 * how many are started at the beginning and wait, `--keep` keeps the ledgers.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Redis as Client } from "ioredis"
import { freePort, redisProgram } from "../redis/server.ts"
import { Backlog } from "./Backlog.ts"
import type { Version } from "./Cases.ts"
import { Evidence, readRuns } from "./Evidence.ts"
import { History } from "./History.ts"
import * as LedgerChecks from "./LedgerChecks.ts"
import { leftovers } from "./LeftoverChecks.ts"
import { Load } from "./Load.ts"
import { type Ended, Redis, Slot } from "./Processes.ts"
import { Proxy } from "./Proxy.ts"
import { Random } from "./Random.ts"
import { report } from "./Report.ts"
import * as RunChecks from "./RunChecks.ts"
import { ticks } from "./Schedules.ts"
import { GRACE_MILLIS, type Setting } from "./Setting.ts"
import { offOf, Storms } from "./Storms.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    rate: { type: "string", default: "5" },
    backlog: { type: "string", default: "100000" },
    keep: { type: "boolean", default: false }
  }
})
const seed = Number(values.seed)
const prefix = "chaos"

/** How long it may take until fewer runs are left, once nothing is done to them any more, in milliseconds. */
const CALM_DOWN_MILLIS = 60_000
/** After which share of its time the backlog is worked off. */
const WAITING_SHARE = 0.4
/** How long a worker may take to end besides its grace period, in milliseconds. */
const EXIT_MILLIS = 1_000
/** How long Redis may take to answer before that counts as an explanation, in milliseconds. */
const SLOW_MILLIS = 400

const later = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

const server = redisProgram()
if (server === undefined) {
  console.error("Cannot run: there is no redis-server or valkey-server on this machine, and none that may be installed")
  process.exit(2)
}
const directory = mkdtempSync(join(tmpdir(), "levada-chaos-"))
const history = new History(console.log)
history.say(`seed ${seed}, ${values.seconds} s, in ${directory}`)

const redis = await Redis.start(server, directory, await freePort())
const proxies = { workers: await Proxy.open(redis.port), servers: await Proxy.open(redis.port) }
const say = (line: string): void => history.say(line)
/** A process is not in order when it ends by itself, unless Redis was away when it started. */
const onFailure = (line: string, { code }: Ended): void => {
  say(line)
  if (code !== 3) history.broken.push(line)
}
/** A place for processes, each of which has a version and a clock of its own. */
const place = (script: "worker" | "server", { port }: Proxy, name: string, only?: Version): Slot => {
  const random = new Random(seed, name)
  const settingOf = (): Setting => {
    const offMillis = offOf(random.next())
    const version = random.chance(0.5) ? 1 : 2
    return { url: `redis://127.0.0.1:${port}`, prefix, directory, version: only ?? version, offMillis }
  }
  return new Slot(script, settingOf, onFailure)
}
const workers = [1, 2, 3].map((at) => place("worker", proxies.workers, `worker ${at}`))
const servers = [1, 2].map((at) => place("server", proxies.servers, `server ${at}`))
const slots = [...workers, ...servers]

/** Whatever ends the driver ends them all. */
process.on("exit", () => {
  for (const slot of slots) {
    slot.release()
    slot.current.signal("SIGKILL")
  }
  if (redis.pid !== undefined) process.kill(redis.pid, "SIGKILL")
  if (!values.keep) rmSync(directory, { recursive: true, force: true })
})
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => process.exit(1))

/** Looks directly, not through the proxy, how well Redis is. */
const client = new Client(redis.port, { maxRetriesPerRequest: null })
client.on("error", () => undefined)
const looking = setInterval(() => {
  const from = Date.now()
  client.ping().then(() => {
    if (Date.now() - from > SLOW_MILLIS) history.answeredLate(from)
  })
}, 200)

await Promise.all(slots.map(({ current }) => current.ready))
const load = new Load(new Random(seed, "load"), servers, Number(values.rate))
const storms = new Storms({ workers, servers, redis, proxies }, history, new Random(seed, "chaos"))
const backlog = new Backlog(Number(values.backlog), servers, say)
load.begin()
const millis = Number(values.seconds) * 1_000
const draining = later(millis * WAITING_SHARE).then(() => backlog.drain())
await storms.run(millis)
say("it is over, what was begun is finished")
// Runs of a version that no worker has wait until one has it again.
for (const version of [1, 2] as const) slots.push(place("worker", proxies.workers, `version ${version}`, version))
await load.end()
while ((await servers[0]!.current.ask({ is: "end schedules" }))?.is !== "done") await later(100)
await draining
const unfinished = (): Promise<number> => client.zcard(`{${prefix}}:unfinished`)
for (let least = Number.POSITIVE_INFINITY, until = 0; ; await later(100)) {
  const left = await unfinished()
  if (left < least) until = Date.now() + CALM_DOWN_MILLIS
  least = Math.min(left, least)
  if (left === 0 || Date.now() > until) break
}
say(`${await unfinished()} runs are left unfinished; workers and servers are told to end`)
const endedAt = Date.now()
await Promise.all(
  slots.map(async (slot) => {
    slot.release()
    await slot.current.ready
    const { pid, ended } = slot.current
    const from = Date.now()
    slot.current.signal("SIGTERM")
    const stuck = setTimeout(() => slot.current.signal("SIGKILL"), 3 * GRACE_MILLIS)
    const { code, signal, at } = await ended
    clearTimeout(stuck)
    history.drains.push({ pid, from, to: at, end: signal ?? `exit code ${code}` })
  })
)
clearInterval(looking)

const url = `redis://127.0.0.1:${redis.port}`
const left = await leftovers(url, prefix)
const evidence = new Evidence([...load.wanted, ...backlog.wanted], await readRuns(url, prefix), history, directory)
const repeats = LedgerChecks.repeats(evidence)
const takeovers = LedgerChecks.takeovers(evidence)
const findings = {
  "every accepted run is there and over": RunChecks.accepted(evidence),
  "logs are gap-free and tell what the run is, each step ends once": RunChecks.logs(evidence),
  "results are right": RunChecks.results(evidence),
  "delays and timeouts are kept, whatever the clocks": RunChecks.instants(evidence, endedAt),
  "each tick of a schedule gives one run": ticks(evidence),
  "what completed was executed": LedgerChecks.nothingInvented(evidence),
  "nothing is repeated without a reason": repeats.problems,
  "whatever begins ends": LedgerChecks.ends(evidence),
  "limits are never exceeded": [...LedgerChecks.limits(evidence), ...RunChecks.runLimits(evidence)],
  "a killed worker's steps move on within lease + 1 s, nobody else loses any": takeovers.problems,
  "workers that are told to end do so in time": LedgerChecks.drains(evidence, GRACE_MILLIS + EXIT_MILLIS),
  "no process ends unless it is told to": history.broken,
  "nothing is left over in Redis": left
}
console.log(report(evidence, load.refusals, repeats.count, takeovers.millis, findings))
const isBroken = Object.values(findings).some((problems) => problems.length > 0)
console.log(isBroken ? `BROKEN with seed ${seed}` : `Everything held with seed ${seed}`)
for (const proxy of Object.values(proxies)) proxy.close()
client.disconnect()
process.exit(isBroken ? 1 : 0)
