/** The HTTP suite with runs in SQLite, whose answers wait for commits. */
import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { launch } from "./harness/launch.ts"

httpConformance("Deno.serve over SQLite", () => launch("deno", "deno", { STORE_FILE: ":memory:" }))
