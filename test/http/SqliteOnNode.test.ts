/** The HTTP suite with runs in an SQLite file, whose answers wait for commits. */
import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { files } from "../sqlite/StoreFiles.ts"
import { launch } from "./harness/launch.ts"

const file = files()

httpConformance("node:http over SQLite", () => launch("node", "node", { STORE_FILE: file() }), { hasOperations: true })
