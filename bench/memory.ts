/** What a Store on Redis keeps of many runs: its memory while a million of them go through. `node bench/memory.ts 1000000` */
import * as Schema from "effect/Schema"
import { Redis } from "ioredis"
import { Access, Levada, Pipeline, Task } from "../adapters/promise/index.ts"
import { RedisStore } from "../adapters/redis/index.ts"
import { redisProgram, start } from "../test/redis/server.ts"

const RUNS = Number(process.argv[2] ?? 1_000_000)
const BATCH = 2_000

const shout = Task.make("shout", {
  input: { text: Schema.String },
  output: { loud: Schema.String },
  run: async ({ text }) => ({ loud: text.toUpperCase() })
})
const shouting = Pipeline.make("shouting", [shout])

const server = redisProgram()
if (server === undefined) throw new Error("No redis-server on this machine")
const { url, stop } = await start(server, ["--appendonly", "no"])
const redis = new Redis(url)
const levada = Levada.make({ pipelines: [shouting], access: Access.open, store: RedisStore.layer({ url }) })
await levada.ready
const began = performance.now()
let next = RUNS / 10
for (let done = 0; done < RUNS; done += BATCH) {
  await Promise.all(Array.from({ length: BATCH }, (_, at) => levada.start(shouting, { text: `text ${done + at}` })))
  while ((await redis.zcard("{levada}:unfinished")) > 10_000) await new Promise((resolve) => setTimeout(resolve, 5))
  if (done + BATCH < next) continue
  next += RUNS / 10
  const used = /used_memory:(\d+)/.exec(await redis.info("memory"))![1]
  const [keys, heap] = [await redis.dbsize(), process.memoryUsage().heapUsed]
  console.log(
    `${done + BATCH} runs: Redis ${(Number(used) / 2 ** 20).toFixed(1)} MiB in ${keys} keys, this process ${(heap / 2 ** 20).toFixed(0)} MiB`
  )
}
console.log(`${Math.round((RUNS / (performance.now() - began)) * 1_000)} runs per second`)
await levada.close()
redis.disconnect()
await stop()
