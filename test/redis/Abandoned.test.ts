/** Versions of a pipeline that come and go with the processes that have them: work of one never stands in the way of another. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { expect, inject, test, vi } from "vitest"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { RedisDoctor, RedisStore } from "../../adapters/redis/index.ts"
import { cases } from "../cases.ts"
import { client, closing, SOON } from "./Opening.ts"

const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
let count = 0
const VERSIONS = ["1", "2", "3"]
const here = () => ({ url: url!, prefix: `abandoned-${process.pid}-${++count}` })

/**
 * The runs that hold the one place: from their first step to the end of their last. One whose worker leaves has to let others
 * pass, so it is no longer counted once none of its tasks is running, and counts again when one begins.
 */
class Gauge {
  most = 0
  readonly #left = new Set<string>()
  readonly #running = new Map<string, number>()
  readonly #versionOf = new Map<string, string>()

  come(version: string): void {
    this.#left.delete(version)
  }

  leave(version: string): void {
    this.#left.add(version)
    for (const runId of this.#versionOf.keys()) this.#sift(runId)
  }

  begin(version: string, runId: string): void {
    this.#running.set(runId, (this.#running.get(runId) ?? 0) + 1)
    this.#versionOf.set(runId, version)
    this.most = Math.max(this.most, this.#versionOf.size)
  }

  end(runId: string, isLast: boolean): void {
    this.#running.set(runId, this.#running.get(runId)! - 1)
    if (isLast) this.#versionOf.delete(runId)
    else this.#sift(runId)
  }

  #sift(runId: string): void {
    if (this.#running.get(runId) === 0 && this.#left.has(this.#versionOf.get(runId)!)) this.#versionOf.delete(runId)
  }
}

/** Two steps at once and one behind them, by any of three versions; one run at a time. */
const pipelineOf = (version: string, gauge: Gauge) => {
  const task = (name: string, input: Record<string, typeof Schema.Number>, output: string) =>
    Task.make(name, {
      input,
      output: { [output]: Schema.Number },
      version,
      run: async (_: unknown, { runId }: { readonly runId: string }) => {
        gauge.begin(version, runId)
        await new Promise((resolve) => setImmediate(resolve))
        gauge.end(runId, name === "c")
        return { [output]: 1 }
      }
    } as never)
  const { Number: N } = Schema
  return Pipeline.make(
    "p",
    [task("a", { n: N }, "x"), task("b", { n: N }, "y"), task("c", { x: N, y: N }, "z")] as never,
    { limit: { runs: 1 } }
  ) as unknown as Pipeline.Any
}

const open = (at: { readonly url: string; readonly prefix: string }, pipeline: Pipeline.Any, more: object = {}) => {
  const levada = Levada.make({
    pipelines: [pipeline],
    access: Access.open,
    store: RedisStore.layer(at),
    logs: "None",
    ...more
  } as never)
  closing(() => levada.close())
  return levada
}

shared(
  "a run that waits behind one of a version whose workers have left begins, and the doctor names the other",
  async () => {
    const at = here()
    const gauge = new Gauge()
    const [one, two] = ["1", "2"].map((version) => pipelineOf(version, gauge)) as [Pipeline.Any, Pipeline.Any]
    const server = open(at, one, { worker: false })
    const first = await server.start(one, { n: 1 } as never, { delayMillis: 0 } as never)
    const behind = await server.start(one, { n: 1 } as never)
    const worker = open(at, two)
    expect(await worker.execute(two, { n: 1 } as never)).toBe(1)
    const report = await Effect.runPromise(RedisDoctor.examine(at))
    // The one behind may have begun too: it holds nothing.
    const named = `[24] steps of pipeline 'p' wait for a worker that has its version ${one.version}`
    expect(report.problems).toContainEqual(expect.stringMatching(named))
    open(at, one)
    for (const id of [first, behind]) expect(await server.result(one, id)).toBe(1)
    expect(gauge.most).toBe(1)
    const redis = client(url!)
    await vi.waitFor(async () => expect(await redis.exists(`{${at.prefix}}:waits`)).toBe(0), SOON)
  }
)

shared("whichever workers come and go, every run ends, and no more runs are under way than may be", async () => {
  const what = fc.oneof(
    fc.record({ start: fc.nat(2), many: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ come: fc.nat(2) }),
    fc.record({ go: fc.nat(2) })
  )
  await fc.assert(
    fc.asyncProperty(fc.array(what, { minLength: 3, maxLength: 12 }), async (acts) => {
      const at = here()
      const gauge = new Gauge()
      const versions = VERSIONS.map((version) => pipelineOf(version, gauge))
      const servers = versions.map((pipeline) => open(at, pipeline, { worker: false }))
      const workers: Array<ReturnType<typeof open> | undefined> = [undefined, undefined, undefined]
      const ids: Array<readonly [number, string]> = []
      for (const act of acts) {
        if ("start" in act) {
          for (let n = 0; n < act.many; n++) {
            ids.push([act.start, await servers[act.start]!.start(versions[act.start]!, { n } as never)])
          }
        } else if ("come" in act) {
          if (workers[act.come] !== undefined) continue
          gauge.come(VERSIONS[act.come]!)
          workers[act.come] = open(at, versions[act.come]!)
          await workers[act.come]!.ready
        } else {
          gauge.leave(VERSIONS[act.go]!)
          await workers[act.go]?.close()
          workers[act.go] = undefined
        }
      }
      for (const version of [0, 1, 2]) {
        gauge.come(VERSIONS[version]!)
        workers[version] ??= open(at, versions[version]!)
      }
      await Promise.all(ids.map(([version, id]) => servers[version]!.result(versions[version]!, id)))
      expect(gauge.most).toBeLessThanOrEqual(1)
      await Promise.all([...servers, ...workers].map((each) => each!.close()))
    }),
    { numRuns: cases(12) }
  )
})
