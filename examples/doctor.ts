/**
 * Checks the Redis that `REDIS_URL` names. Run it: `REDIS_URL=redis://127.0.0.1:6379 npm run doctor`. It exits with 1
 * if it finds a problem. `npm run doctor -- --mend` first brings back lost work, and prints what it did.
 */
import * as Effect from "effect/Effect"
import { RedisDoctor } from "../adapters/redis/index.ts"

const url = process.env["REDIS_URL"]
if (url === undefined) {
  console.error("Cannot check Redis: set REDIS_URL, such as redis://127.0.0.1:6379")
  process.exit(1)
}
const give = (error: Error): never => {
  console.error(error.message)
  process.exit(1)
}
if (process.argv.includes("--mend")) {
  const { problems, hasMore } = await Effect.runPromise(RedisDoctor.mend({ url })).catch(give)
  for (const problem of problems) console.log(`Mended: ${problem}`)
  if (problems.length === 0) console.log("Found nothing to mend")
  if (hasMore) console.log("There are more runs than were checked: mend again once some of them have ended")
}
const report = await Effect.runPromise(RedisDoctor.examine({ url })).catch(give)
const { problems, ...facts } = report
console.log(JSON.stringify(facts, undefined, 2))
for (const problem of problems) console.log(`- ${problem}`)
process.exit(problems.length === 0 ? 0 : 1)
