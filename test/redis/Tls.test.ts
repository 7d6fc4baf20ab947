/** Redis over TLS, with a certificate of an authority that the test makes, and as a user that may do only what is needed. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Errors } from "../../adapters/promise/index.ts"
import { doubling } from "./Gate.ts"
import { client, describeWithServers, levada, server } from "./Opening.ts"
import { freePort } from "./server.ts"

const isThere = spawnSync("openssl", ["version"]).status === 0
if (!isThere) {
  const missing = "TLS: there is no openssl on this machine to make certificates with"
  if (process.env["CI"]) throw new Error(missing)
  console.log(`${missing}; its tests are skipped`)
}

const directory = mkdtempSync(join(tmpdir(), "levada-tls-"))
const file = (name: string): string => join(directory, name)
const openssl = (...options: ReadonlyArray<string>): unknown =>
  execFileSync("openssl", options, { stdio: "pipe", cwd: directory })

beforeAll(() => {
  if (!isThere) return
  const key = ["-newkey", "rsa:2048", "-nodes"]
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "1", "-subj", "/CN=Levada tests")
  openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
  openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-out", "server.crt", "-days", "1")
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** A server that speaks TLS. */
const overTls = async (): Promise<{ readonly plain: string; readonly port: number }> => {
  const port = await freePort()
  const { url } = await server(
    ...["--tls-port", String(port), "--tls-auth-clients", "no"],
    ...[
      "--tls-cert-file",
      file("server.crt"),
      "--tls-key-file",
      file("server.key"),
      "--tls-ca-cert-file",
      file("ca.crt")
    ]
  )
  return { plain: url, port }
}

describeWithServers("TLS", () => {
  test.skipIf(!isThere)("carries runs, for a user who may do no more than the README says", async () => {
    const { plain, port } = await overTls()
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8")
    const needed = /A user of its own needs `([^`]+)`/.exec(readme)![1]!
    await client(plain).call("ACL", "SETUSER", "ada", "on", ">her secret", ...needed.split(" "))
    const url = `rediss://ada:her%20secret@localhost:${port}`
    const made = levada([doubling], { url, redis: { tls: { ca: readFileSync(file("ca.crt")) } } })
    expect(await made.execute(doubling, { n: 21 })).toBe(42)
  })

  test.skipIf(!isThere)("is refused when nobody vouches for the certificate, in words that say so", async () => {
    const { port } = await overTls()
    const url = `rediss://ada:secret@localhost:${port}`
    const failure = await levada([doubling], { url, connectMillis: 60_000 }).ready.catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Errors.StoreUnavailable)
    const { message } = failure as Error
    expect(message).toContain("certificate")
    expect(message).not.toContain("secret")
  })
})
