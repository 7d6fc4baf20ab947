/** The HTTP suite with runs in SQLite, whose answers wait for commits. */
import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { launch } from "./harness/launch.ts"

httpConformance("Bun.serve over SQLite", () => launch("bun", "bun", { STORE_FILE: ":memory:" }))
