/** A process that reads a file again and again. Several of them leave no instant without a reader. */
import { DatabaseSync } from "node:sqlite"

const reader = new DatabaseSync(process.argv[2]!, { readOnly: true })
// Takes some milliseconds: commits come meanwhile.
const numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)"
const look = reader.prepare(`${numbers} SELECT count(*) + (SELECT count(*) FROM runs) FROM numbers`)
look.get()
console.log("reading")
for (;;) look.get()
