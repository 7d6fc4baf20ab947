/** JSR's checks of the sources. */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { run } from "./Command.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "levada-jsr-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// Deno trusts its own list of authorities; the registry may be behind a proxy whose authority only this machine knows.
if (existsSync("/etc/ssl/certs/ca-certificates.crt")) process.env["DENO_TLS_CA_STORE"] ??= "mozilla,system"

describe("JSR", () => {
  // In a separate folder, because JSR has neither package.json nor node_modules.
  it("accepts the sources, without slow types", { timeout: 180_000 }, async () => {
    for (const name of ["jsr.json", "LICENSE", "core", "adapters"]) {
      cpSync(join(root, name), join(folder, name), { recursive: true })
    }
    const deno = join(root, "node_modules/.bin/deno")
    // It writes everything to stderr, and fails if it finds a problem.
    await expect(run(folder, deno, "publish", "--dry-run", "--allow-dirty")).resolves.toBeDefined()
  })
})
