import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe } from "vitest"
import { SqliteStore } from "../../../adapters/sqlite/index.ts"
import { abandonedLaterSuite } from "./AbandonedSuite.ts"
import { type Build, testsOver } from "./harness/StoreDriver.ts"
import { storeConformance } from "./StoreConformance.ts"

const folder = mkdtempSync(join(tmpdir(), "levada-sqlite-"))
let count = 0

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const build: Build = (wanted) =>
  SqliteStore.layer({ file: join(folder, `${++count}.db`), synchronous: "off", ...wanted })

storeConformance("SQLite", build)

describe("abandoned versions in SQLite", () => abandonedLaterSuite(testsOver(build).testLong))
