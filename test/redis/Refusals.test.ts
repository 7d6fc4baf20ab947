/** Servers that Levada refuses, and the messages: what is wrong, and what to do. */
import * as Effect from "effect/Effect"
import { Redis } from "ioredis"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { Errors, type Start } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { doubling, Gate, held } from "./Gate.ts"
import { ask, client, contents, describeWithServers, lasting, levada, runKeys, SOON, server } from "./Resources.ts"
import { rights, type Started } from "./server.ts"

/** Why a Store can't be opened. */
const why = (options: RedisStore.Options): Promise<Errors.StoreUnavailable | Errors.InvalidOption> =>
  Effect.runPromise(Effect.flip(Effect.scoped(RedisStore.make({ connectMillis: 60_000, ...options }))))

/** Expects that a Store can be opened. */
const opens = (options: RedisStore.Options): Promise<void> =>
  Effect.runPromise(Effect.scoped(Effect.asVoid(RedisStore.make(options))))

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error("It was not refused")
    },
    (error: Error) => error
  )

test.each([
  ["url", { url: "someone:secret@127.0.0.1" }, 'Cannot use "127.0.0.1" as store.url: expected a URL such as redis://'],
  [
    "url",
    { url: "http://someone:se/cret@127.0.0.1:1?password=secret" },
    'Cannot use "http://127.0.0.1:1" as store.url'
  ],
  ["nodes", { nodes: ["redis://127.0.0.1:1", "127.0.0.1"] }, 'Cannot use "127.0.0.1" as store.nodes'],
  ["nodes", { nodes: [] }, "as store.nodes"],
  ["prefix", { prefix: "a b" }, 'Cannot use "a b" as store.prefix: expected 1 to 100 letters'],
  ["prefix", { prefix: "" }, 'Cannot use "" as store.prefix'],
  ["prefix", { prefix: "{a}" }, 'Cannot use "{a}" as store.prefix'],
  [
    "leaseMillis",
    { leaseMillis: 0 },
    "Cannot use 0 as store.leaseMillis: expected a number of milliseconds from 1 to 315360000000"
  ],
  ["connectMillis", { connectMillis: Number.NaN }, "Cannot use NaN as store.connectMillis"],
  ["maxUnfinished", { maxUnfinished: 0 }, "Cannot use 0 as store.maxUnfinished"],
  ["historyCount", { historyCount: 1.5 }, "Cannot use 1.5 as store.historyCount: expected a whole number"],
  ["historyMillis", { historyMillis: -1 }, "Cannot use -1 as store.historyMillis"],
  ["memoCount", { memoCount: -1 }, "Cannot use -1 as store.memoCount"],
  ["maxLosses", { maxLosses: 0 }, "Cannot use 0 as store.maxLosses"],
  ["maxValueBytes", { maxValueBytes: 0 }, "Cannot use 0 as store.maxValueBytes"]
] satisfies ReadonlyArray<readonly [string, RedisStore.Options, string]>)(
  "an invalid option is refused by its name: %s, %o",
  async (name, options, message) => {
    // No server listens there: the options are checked before connecting.
    const error = await why({ url: "redis://127.0.0.1:1", ...options })
    expect(error).toMatchObject({ _tag: "InvalidOption", option: `store.${name}` })
    expect(error.message).toContain(message)
  }
)

describeWithServers("a Redis user", () => {
  let locked: Started
  let admin: Redis
  beforeAll(async () => {
    locked = await lasting("--requirepass", "hunter2")
    admin = new Redis(locked.port, { password: "hunter2", replyMapping: "legacy" })
  })
  afterAll(async () => {
    admin?.disconnect()
    await locked?.stop()
  })
  const urlOf = (user: string): string => locked.url.replace("//", `//${user}@`)

  test.each([
    ["a wrong password", ":swordfish"],
    ["no password", ""],
    ["an unknown user", "nobody:swordfish"]
  ])("with %s, is refused at once, with the reason and without the password", async (_, user) => {
    const error = await why({ url: urlOf(user) })
    expect(error).toMatchObject({ _tag: "StoreUnavailable" })
    expect(error.message).toContain("Redis: the server refuses the user name or password")
    expect(error.message).toContain(`127.0.0.1:${locked.port}`)
    expect(error.message).not.toMatch(/swordfish|hunter2/)
  })

  test("with the right password is accepted", async () => {
    await opens({ url: urlOf(":hunter2") })
    await opens({ url: locked.url, redis: { password: "hunter2" } })
  })

  test.each([
    ["run INFO", "~* &* +@all -info"],
    ["write", "~* &* +@all -@write"],
    ["use the keys of the prefix", "~other:* &* +@all"],
    ["listen", "~* resetchannels +@all"]
  ])("as a user who may not %s, is refused at once, with the reason", async (what, rules) => {
    const user = `user-${what.replaceAll(" ", "-")}`
    await admin.acl("SETUSER", user, "on", ">secret", ...rules.split(" "))
    const error = await why({ url: urlOf(`${user}:secret`) })
    expect(error).toMatchObject({ _tag: "StoreUnavailable" })
    expect(error.message).toContain("the user lacks a right that Levada needs")
    expect(error.message).not.toContain("secret")
  })

  test.each([
    ["run scripts", "~* &* +@all -eval -evalsha"],
    ["run commands in scripts", "~* &* +@all -zadd"]
  ])("as a user who may not %s, starts no run and gets the reason", async (what, rules) => {
    const user = `user-${what.replaceAll(" ", "-")}`
    await admin.acl("SETUSER", user, "on", ">secret", ...rules.split(" "))
    const made = levada([doubling], { url: urlOf(`${user}:secret`), prefix: user }, { worker: false })
    const error = await failure(made.start(doubling, { n: 1 }))
    expect(error).toBeInstanceOf(Errors.StoreUnavailable)
    expect(error.message).toContain("the user lacks a right that Levada needs")
  })

  test("with only the documented rights is accepted", async () => {
    await admin.acl("SETUSER", "worker", "on", ">secret", ...rights("{levada}:"))
    const made = levada([doubling], { url: urlOf("worker:secret") })
    expect(await made.execute(doubling, { n: 4 })).toBe(8)
  })

  test("with only these rights is accepted where users get every channel by default, as before Redis 7", async () => {
    const { url, port } = await server("--requirepass", "hunter2", "--acl-pubsub-default", "allchannels")
    const owner = new Redis(port, { password: "hunter2", replyMapping: "legacy" })
    await owner.acl("SETUSER", "worker", "on", ">secret", ...rights("{levada}:"))
    owner.disconnect()
    const made = levada([doubling], { url: url.replace("//", "//worker:secret@") })
    expect(await made.execute(doubling, { n: 4 })).toBe(8)
  })
})

describeWithServers("a server that could lose runs", () => {
  test("is refused when it is a replica or becomes one", async () => {
    const master = await server()
    const replica = await server("--replicaof", "127.0.0.1", String(master.port))
    expect((await why({ url: replica.url })).message).toBe(
      "Redis: this server is a read-only replica; connect to the master"
    )
    const made = levada([doubling], { url: master.url }, { worker: false })
    await made.ready
    await client(master.url).replicaof("127.0.0.1", replica.port)
    const error = await failure(made.start(doubling, { n: 1 }))
    expect(error).toBeInstanceOf(Errors.StoreUnavailable)
    expect(error.message).toContain("read-only replica; connect to the master")
  })

  test("is refused when it evicts keys, unless that is allowed", async () => {
    const { url } = await server("--maxmemory-policy", "allkeys-lru")
    const { message } = await why({ url })
    for (const part of ["evict", "allkeys-lru", "'maxmemory-policy noeviction'", "'allowEviction: true'"]) {
      expect(message).toContain(part)
    }
    await opens({ url, allowEviction: true })
    await client(url).config("SET", "maxmemory-policy", "noeviction")
    await opens({ url })
  })
})

describeWithServers("a server with other data", () => {
  let shared: Started
  beforeAll(async () => {
    shared = await lasting()
  })
  afterAll(() => shared?.stop())

  test("is refused when the prefix has another format, and the data stays unchanged", async () => {
    const redis = client(shared.url)
    await redis.hset("{newer}:meta", "format", "77")
    const { message } = await why({ url: shared.url, prefix: "newer" })
    for (const part of ["'{newer}:'", "format 77", "another `prefix`"]) expect(message).toContain(part)
    expect(await redis.hgetall("{newer}:meta")).toEqual({ format: "77" })
    expect(await redis.keys("{newer}:*")).toEqual(["{newer}:meta"])
    await opens({ url: shared.url, prefix: "other" })
  })

  test.each(["meta", "clock", "unfinished", "all", "order"])(
    "reports a foreign key in place of `%s`, and starts nothing",
    async (name) => {
      const prefix = `wrong-${name}`
      const redis = client(shared.url)
      const key = `{${prefix}}:${name}`
      await (name === "meta" ? redis.set(key, "mine") : redis.rpush(key, "mine"))
      const made = levada([doubling], { url: shared.url, prefix }, { worker: false })
      const error = await failure(made.start(doubling, { n: 1 }))
      expect(error).toBeInstanceOf(Errors.StoreUnavailable)
      expect(error.message).toContain(
        "a key under Levada's prefix has a type that Levada does not use; use another `prefix`"
      )
      expect(await redis.keys(`{${prefix}}:r:*`)).toEqual([])
    }
  )
})

describeWithServers("a server whose memory is full", () => {
  test("refuses runs without leaving keys; running steps settle once there is room", async () => {
    const { url } = await server()
    const redis = client(url)
    const gate = new Gate()
    const pipelines = [held(gate), doubling] as const
    const asked = levada(pipelines, { url }, { worker: false })
    const worker = levada(pipelines, { url })
    const runId = await asked.start(pipelines[0], { n: 1 })
    await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
    await worker.ready
    const before = await contents(redis, "levada")

    await redis.config("SET", "maxmemory", "1mb")
    const ways: ReadonlyArray<Start.Options> = [{}, { delayMillis: 50 }, { timeoutMillis: 50 }, { idempotencyKey: "k" }]
    for (const more of ways) {
      // The server has no plan of one of the pipelines yet.
      for (const pipeline of pipelines) {
        const error = await failure(asked.start(pipeline, { n: 2 }, more))
        expect(error).toBeInstanceOf(Errors.StoreUnavailable)
        expect(error.message).toContain("the server's memory is full (`maxmemory`)")
      }
    }
    expect(await ask(asked, "POST", "/pipelines/doubling/execute", { parameters: { n: 2 } })).toMatchObject({
      status: 503,
      json: { error: "StoreUnavailableError" }
    })
    gate.open()
    // The worker has sent the outcome, and the server has refused it.
    const refusals = async (): Promise<number> =>
      Number(/evalsha:.*failed_calls=(\d+)/.exec(await redis.info("commandstats"))?.[1])
    const so = await refusals()
    await vi.waitFor(async () => expect(await refusals()).toBeGreaterThan(so + 3), SOON)
    expect(await contents(redis, "levada")).toEqual(before)
    expect((await asked.run(runId)).status).toBe("RUNNING")

    await redis.config("SET", "maxmemory", "0")
    expect(await asked.result(pipelines[0], runId)).toBe(2)
    expect((await asked.run(runId)).steps.map(({ attempts }) => attempts)).toEqual([1, 1])
    expect(await asked.execute(doubling, { n: 2 }, { idempotencyKey: "k" })).toBe(4)
  })

  test("that fills up with runs keeps exactly the accepted ones, complete", async () => {
    const { url } = await server()
    const redis = client(url)
    const asked = levada([doubling], { url }, { worker: false })
    // By then the server has the memory that it needs for connections and scripts.
    const taken: Array<string> = [
      await asked.start(doubling, { n: 1 }, { timeoutMillis: 600_000, idempotencyKey: "k" })
    ]
    const used = Number(/used_memory:(\d+)/.exec(await redis.info("memory"))![1])
    await redis.config("SET", "maxmemory", String(used + 2_000_000))
    let asking = 0
    let refused = 0
    const fill = async (): Promise<void> => {
      while (refused < 50) {
        const options = { timeoutMillis: 600_000, idempotencyKey: `k${asking++}` }
        await asked.start(doubling, { n: 1 }, options).then(
          (runId) => taken.push(runId),
          (error: Error) => {
            expect(error.message).toContain("the server's memory is full")
            refused++
          }
        )
      }
    }
    await Promise.all(Array.from({ length: 10 }, fill))
    expect(taken.length).toBeGreaterThan(100)
    const found = await runKeys(redis, "levada")
    const runs = taken.map((id) => `r:${id}`).sort()
    expect(found.filter((key) => key.startsWith("r:"))).toEqual(runs)
    expect(found.filter((key) => key.startsWith("key:"))).toHaveLength(taken.length)
    for (const key of ["all", "all:doubling", "unfinished"]) {
      expect((await redis.zrange(`{levada}:${key}`, 0, "-1")).sort()).toEqual([...taken].sort())
    }
    expect(await redis.zcard("{levada}:due")).toBe(taken.length)
    const plans = found.filter((key) => key.startsWith("p:"))
    expect(await redis.hget(`{levada}:${plans[0]}`, "#")).toBe(String(taken.length))

    await redis.config("SET", "maxmemory", "0")
    levada([doubling], { url })
    await vi.waitFor(async () => expect(await redis.zcard("{levada}:unfinished")).toBe(0), SOON)
    for (const runId of taken) expect((await asked.run(runId)).status).toBe("COMPLETED")
  })
})
