/** The HTTP suite with runs in SQLite, whose answers wait for commits. */
import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { launch } from "./harness/launch.ts"

httpConformance("node:http over SQLite", () => launch("node", "node", { STORE_FILE: ":memory:" }), {
  hasOperations: true
})
