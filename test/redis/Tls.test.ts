/** Redis behind TLS: `rediss://`, with certificates that are made for the test. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { RedisDoctor, RedisStore } from "../../adapters/redis/index.ts"
import { doubling, Gate, held } from "./Gate.ts"
import { client, describeWithServers, lasting, levada, SOON, server } from "./Resources.ts"
import { freePort, rights, type Started } from "./server.ts"

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0
if (!hasOpenssl) {
  const missing = "TLS: no openssl on this machine to make certificates with"
  if (process.env["CI"]) throw new Error(missing)
  console.log(`${missing}; its tests are skipped`)
}
const describeWithTls = hasOpenssl ? describeWithServers : describe.skip

/** A self-signed certificate with its key. */
interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Why a Store can't be opened. The failure must come long before connectMillis. */
const why = (options: RedisStore.Options): Promise<string> =>
  Effect.runPromise(
    Effect.map(
      Effect.flip(Effect.scoped(RedisStore.make({ connectMillis: 60_000, ...options }))),
      ({ message }) => message
    )
  )

describeWithTls("Redis behind TLS", () => {
  let directory: string
  let ours: Certificate
  let elsewhere: Certificate
  let started: Started
  let url: string
  let tls: { readonly ca: Buffer }

  const certify = (name: string, subject: string): Certificate => {
    const [cert, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)]
    const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name}`
    const made = spawnSync("openssl", [
      ...request.split(" "),
      ...["-addext", `subjectAltName=${subject}`, "-keyout", key, "-out", cert]
    ])
    if (made.status !== 0) throw new Error(`openssl: ${made.stderr.toString()}`)
    return { cert, key }
  }
  const options = (port: number, { cert, key }: Certificate): ReadonlyArray<string> =>
    `--tls-port ${port} --tls-cert-file ${cert} --tls-key-file ${key} --tls-ca-cert-file ${ours.cert}`.split(" ")

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "levada-tls-"))
    ours = certify("ours", "IP:127.0.0.1")
    elsewhere = certify("elsewhere", "DNS:elsewhere.example")
    tls = { ca: readFileSync(ours.cert) }
    const port = await freePort()
    started = await lasting(...options(port, ours), "--tls-auth-clients", "no", "--requirepass", "hunter2")
    url = `rediss://:hunter2@127.0.0.1:${port}`
  })
  afterAll(async () => {
    await started?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  test("runs pipelines between servers and workers, and the doctor examines it", async () => {
    const gate = new Gate()
    const pipelines = [held(gate), doubling] as const
    const asked = levada(pipelines, { url, redis: { tls } }, { worker: false })
    levada(pipelines, { url, redis: { tls } })
    const runId = await asked.start(pipelines[0], { n: 1 })
    await vi.waitFor(() => expect(gate.begun).toEqual(["1"]), SOON)
    const result = asked.result(pipelines[0], runId)
    gate.open()
    expect(await result).toBe(2)
    expect(await asked.execute(doubling, { n: 4 })).toBe(8)
    expect(await Effect.runPromise(RedisDoctor.examine({ url, redis: { tls } }))).toMatchObject({
      ended: 2,
      workers: 1
    })
  })

  test("an untrusted certificate is refused at once, with the reason and without the password", async () => {
    const message = await why({ url })
    expect(message).toMatch(
      /^Redis: the server's certificate is not trusted: self[- ]signed certificate; set `redis.tls.ca`/
    )
    expect(message).toContain(url.replace(":hunter2@", ""))
    expect(message).not.toContain("hunter2")
    expect(await why({ url, redis: { tls: { ca: readFileSync(elsewhere.cert) } } })).toContain("is not trusted")
  })

  test("a certificate for another name is refused", async () => {
    const port = await freePort()
    await server(...options(port, elsewhere), "--tls-auth-clients", "no")
    const message = await why({
      url: `rediss://127.0.0.1:${port}`,
      redis: { tls: { ca: readFileSync(elsewhere.cert) } }
    })
    expect(message).toContain(
      "the server's certificate is not trusted: Hostname/IP does not match certificate's altnames"
    )
  })

  test("a client certificate is sent to a server that requires one", async () => {
    const port = await freePort()
    await server(...options(port, ours))
    const mine = { ...tls, cert: readFileSync(ours.cert), key: readFileSync(ours.key) }
    const made = levada([doubling], { url: `rediss://127.0.0.1:${port}`, redis: { tls: mine } })
    expect(await made.execute(doubling, { n: 4 })).toBe(8)
  })

  test("in a cluster, user, password and TLS of one URL apply to all nodes", async () => {
    const port = await freePort()
    const { url: plain } = await server(
      ...options(port, ours),
      ...["--tls-auth-clients", "no", "--tls-cluster", "yes", "--cluster-enabled", "yes"],
      ...["--cluster-announce-ip", "127.0.0.1"]
    )
    const redis = client(plain)
    await redis.cluster("ADDSLOTS", ...Array.from({ length: 16_384 }, (_, slot) => slot))
    await redis.acl("SETUSER", "someone", "on", ">p@ss:word", ...rights("{levada}:"), "+cluster|slots", "+cluster|info")
    await redis.acl("SETUSER", "default", "off")
    const nodes = [`rediss://someone:${encodeURIComponent("p@ss:word")}@127.0.0.1:${port}`]
    const asked = levada([doubling], { nodes, redis: { tls } }, { worker: false })
    levada([doubling], { nodes, redis: { tls } })
    expect(await asked.execute(doubling, { n: 4 })).toBe(8)
    expect(await why({ nodes: [`rediss://someone:swordfish@127.0.0.1:${port}`], redis: { tls } })).toBe(
      `Redis: the server refuses the user name or password (rediss://127.0.0.1:${port})`
    )
  })
})
