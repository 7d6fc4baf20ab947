/**
 * Runs one system and measures it, on Node or Bun: `node bench/peers/child.ts <system> <place> <shape…>`. Prints a line of JSON for each
 * shape.
 */
import type { Shape } from "../shapes.ts"
import { OUTPUT, type Peer, type Place, type Start } from "./contract.ts"

/** How many clients start a run and wait for its end, at the same time. */
const AT_ONCE = 100

/** For how long new runs are started, in milliseconds. */
const WARM_MILLIS = 500
const WARM_CLIENTS = 10
const MANY_MILLIS = 2_000
const ALONE_MILLIS = 1_000

/** The measurements of one shape. Times are in milliseconds. */
export interface Figures {
  readonly shape: Shape
  readonly perSecond: number
  readonly many: readonly [p50: number, p99: number]
  readonly alone: readonly [p50: number, p99: number]
}

/** Clients that each start a run when their last one has ended, until the time is up. Starts of one turn are one call. */
const drive = async (peer: Peer, shape: Shape, clients: number, millis: number) => {
  const took: Array<number> = []
  const began = performance.now()
  let ready = clients
  await new Promise<void>((resolve, reject) => {
    let unfinished = 0
    let isDue = false
    const ended = (since: number, output: unknown): void => {
      const now = performance.now()
      took.push(now - since)
      unfinished--
      if (output !== undefined && output !== OUTPUT[shape]) reject(new Error(`${shape} gave ${JSON.stringify(output)}`))
      if (now - began < millis) {
        ready++
        if (!isDue) setImmediate(start)
        isDue = true
      } else if (unfinished === 0 && !isDue) resolve()
    }
    const start = (): void => {
      isDue = false
      const since = performance.now()
      const runs = peer.run(shape, ready)
      unfinished += ready
      ready = 0
      for (const run of runs) run.then((output) => ended(since, output)).catch(reject)
    }
    start()
  })
  took.sort((one, other) => one - other)
  const quantile = (share: number): number => took[Math.floor(took.length * share)]!
  return {
    perSecond: (1_000 * took.length) / (performance.now() - began),
    quantiles: [quantile(0.5), quantile(0.99)] as const
  }
}

const [, , system, place, ...shapes] = process.argv as unknown as [string, string, string, string, ...Array<Shape>]
const { start } = (await import(`./${system}.ts`)) as { readonly start: Start }
const peer = await start(JSON.parse(place) as Place, AT_ONCE)
for (const shape of shapes) {
  await drive(peer, shape, WARM_CLIENTS, WARM_MILLIS)
  const many = await drive(peer, shape, AT_ONCE, MANY_MILLIS)
  const alone = await drive(peer, shape, 1, ALONE_MILLIS)
  const figures: Figures = { shape, perSecond: many.perSecond, many: many.quantiles, alone: alone.quantiles }
  console.log(JSON.stringify(figures))
}
await peer.stop()
process.exit(0)
