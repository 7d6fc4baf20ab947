/** What goes wrong, and when: storms over network and Redis, with time between them for processes to die alone. */
import type { CommonAct, History } from "./History.ts"
import type { Redis, Slot } from "./Processes.ts"
import type { Proxy, Way } from "./Proxy.ts"
import type { Random } from "./Random.ts"
import { GRACE_MILLIS, LEASE_MILLIS } from "./Setting.ts"
import type { ClockSet } from "./Wire.ts"

/** What can be done something to. */
export interface World {
  readonly workers: ReadonlyArray<Slot>
  readonly servers: ReadonlyArray<Slot>
  readonly redis: Redis
  /** What is between the workers and Redis, and between the servers and Redis. */
  readonly proxies: { readonly workers: Proxy; readonly servers: Proxy }
}

/** How long storms and the time between them last, in milliseconds. */
const STORM_MILLIS = 12_000
const CALM_MILLIS = 12_000

const ALONE = { "kill worker": 4, "freeze worker": 3, "drain worker": 3, "kill server": 1, "step clock": 2 }
const STORMY = { ...ALONE, "kill redis": 2, cut: 3, delay: 2, swallow: 4 }

/** Acts for so long, and undoes at the end what it did. */
export class Storms {
  readonly #world: World
  readonly #history: History
  readonly #random: Random
  readonly #underWay: Set<Promise<void>> = new Set()
  /** Whether something is being done to the network or to Redis, which are one to whoever looks through them. */
  #isStruck = false

  constructor(world: World, history: History, random: Random) {
    this.#world = world
    this.#history = history
    this.#random = random
  }

  async run(millis: number): Promise<void> {
    const from = Date.now()
    while (Date.now() - from < millis) {
      const isCalm = (Date.now() - from) % (STORM_MILLIS + CALM_MILLIS) < CALM_MILLIS
      await later(this.#random.between(200, 1_800))
      const act = isCalm ? this.#random.weighted(ALONE) : this.#random.weighted(STORMY)
      // Made also when they turn out not to be needed: the next choices are the same then.
      const place = this.#random.next()
      const lasting = this.#random.next()
      const detail = this.#random.next()
      const under = this.#act(act, place, lasting, detail).finally(() => this.#underWay.delete(under))
      this.#underWay.add(under)
      // Nothing else for a while, so that how long others take to notice can be measured.
      if (isCalm && act === "kill worker" && detail < 0.7) await later(LEASE_MILLIS + 1_500)
      // What a storm has done is over before it is calm.
      if (!isCalm && (Date.now() - from) % (STORM_MILLIS + CALM_MILLIS) < CALM_MILLIS) await this.#settle()
    }
    await this.#settle()
  }

  async #settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  async #act(act: keyof typeof STORMY, place: number, lasting: number, detail: number): Promise<void> {
    const { workers, servers } = this.#world
    switch (act) {
      case "kill worker":
        return this.#to(workers, place, (slot) => this.#kill("kill worker", slot))
      case "kill server":
        return this.#to(servers, place, (slot) => this.#kill("kill server", slot))
      case "freeze worker":
        return this.#to(workers, place, (slot) => this.#freeze(slot, LEASE_MILLIS + 300 + lasting * 2_500))
      case "drain worker":
        return this.#to(workers, place, (slot) => this.#drain(slot))
      case "step clock":
        return this.#to([...workers, ...servers], place, async (slot) => this.#step(slot, lasting))
      default:
        if (this.#isStruck) return
        this.#isStruck = true
        await this.#strike(act, place, lasting, detail)
        this.#isStruck = false
    }
  }

  /** Does something to one of the processes that are there and nothing is being done to. */
  async #to(slots: ReadonlyArray<Slot>, place: number, act: (slot: Slot) => Promise<void>): Promise<void> {
    const free = slots.filter(({ isBusy, current }) => !isBusy && current.isReady && !current.isEnded)
    const slot = free[Math.floor(place * free.length)]
    if (slot === undefined) return
    slot.isBusy = true
    await act(slot)
    slot.isBusy = false
  }

  async #kill(kind: "kill worker" | "kill server", slot: Slot): Promise<void> {
    const victim = slot.current
    const act = this.#history.begin(kind, victim.pid)
    victim.signal("SIGKILL")
    act.to = (await victim.ended).at
    await slot.current.ready
  }

  async #freeze(slot: Slot, millis: number): Promise<void> {
    const victim = slot.current
    const act = this.#history.begin("freeze worker", victim.pid, `for ${Math.round(millis)} ms`)
    victim.signal("SIGSTOP")
    await later(millis)
    victim.signal("SIGCONT")
    act.to = Date.now()
  }

  #step(slot: Slot, lasting: number): void {
    const clock: ClockSet = { is: "clock", offMillis: offOf(lasting) }
    const act = this.#history.begin("step clock", slot.current.pid, `${clock.offMillis} ms off`)
    slot.current.set(clock)
    act.to = act.from
  }

  async #drain(slot: Slot): Promise<void> {
    const victim = slot.current
    const act = this.#history.begin("drain worker", victim.pid)
    victim.signal("SIGTERM")
    const isStuck = setTimeout(() => victim.signal("SIGKILL"), GRACE_MILLIS + STUCK_MILLIS)
    const { code, signal, at } = await victim.ended
    clearTimeout(isStuck)
    act.to = at
    const end = signal === null ? `exit code ${code}` : `${signal}: it did not end by itself`
    this.#history.drains.push({ pid: victim.pid, from: act.from, to: at, end })
    await slot.current.ready
  }

  /** Something that is done to the network of workers, of servers or of all of them, or to Redis. */
  async #strike(kind: CommonAct, place: number, lasting: number, detail: number): Promise<void> {
    const { proxies, redis } = this.#world
    // While answers to servers alone are lost, workers go on with what these asked for.
    const [whose, struck] =
      place < 0.35
        ? (["servers", [proxies.servers]] as const)
        : place < 0.6
          ? (["workers", [proxies.workers]] as const)
          : (["all", [proxies.servers, proxies.workers]] as const)
    switch (kind) {
      case "kill redis": {
        const millis = Math.round(lasting * 2_500)
        const act = this.#history.begin(kind, undefined, `back after ${millis} ms`)
        await redis.kill()
        await later(millis)
        await redis.restart()
        act.to = Date.now()
        return
      }
      case "cut": {
        const millis = detail < 0.5 ? 0 : Math.round(lasting * 2_500)
        const act = this.#history.begin(kind, undefined, millis === 0 ? "" : `none again for ${millis} ms`, whose)
        for (const proxy of struck) {
          proxy.isRefusing = millis > 0
          proxy.cut()
        }
        await later(millis)
        for (const proxy of struck) proxy.isRefusing = false
        act.to = Date.now()
        return
      }
      case "delay": {
        const there = Math.round(25 + detail * 225)
        const act = this.#history.begin(kind, undefined, `${2 * there} ms there and back`, whose)
        for (const proxy of struck) proxy.delayMillis = there
        await later(1_000 + lasting * 3_000)
        for (const proxy of struck) proxy.delayMillis = 0
        act.to = Date.now()
        return
      }
      case "swallow": {
        const way: Way = detail < 0.5 ? "answers" : detail < 0.75 ? "requests" : "both"
        // Also very short ones: whoever does not hear the answer to one request asks again.
        const millis = Math.round(lasting * lasting * 4_000)
        const act = this.#history.begin(kind, undefined, `${way} for ${millis} ms`, whose)
        for (const proxy of struck) proxy.swallows = way
        await later(millis)
        for (const proxy of struck) proxy.heal()
        act.to = Date.now()
        return
      }
    }
  }
}

/** How far clocks are off at most, in milliseconds. */
const MOST_OFF_MILLIS = 600_000

/** How far a clock is off, by a number from 0 to 1. */
export const offOf = (share: number): number => Math.round((2 * share - 1) * MOST_OFF_MILLIS)

/** How much longer than its grace period a worker may need at the worst, when Redis does not answer it either. */
export const STUCK_MILLIS = 20_000

const later = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))
