/** A process that reads a file without a gap: at any instant one of its two transactions is open. */
import { DatabaseSync } from "node:sqlite"

const [one, other] = [0, 1].map(() => new DatabaseSync(process.argv[2]!, { readOnly: true }))
const look = (reader: DatabaseSync): void => {
  reader.exec("BEGIN")
  reader.prepare("SELECT count(*) FROM runs").get()
  // Takes some milliseconds: commits come meanwhile.
  const numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)"
  reader.prepare(`${numbers} SELECT count(*) FROM numbers`).get()
}
look(one!)
console.log("reading")
for (let next = other!, open = one!; ; [next, open] = [open, next]) {
  look(next)
  open.exec("COMMIT")
}
