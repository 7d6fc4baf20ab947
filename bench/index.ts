/** `npm run bench`, or some of it: `npm run bench -- engine large graph http access strangers pictures dashboard readers redis sqlite` */
import { access } from "./access.ts"
import { dashboard } from "./dashboard.ts"
import { engine } from "./engine.ts"
import { graph } from "./graph.ts"
import { http } from "./http.ts"
import { large } from "./large.ts"
import { pictures } from "./pictures.ts"
import { readers } from "./readers.ts"
import { redis } from "./redis.ts"
import { sqlite } from "./sqlite.ts"
import { strangers } from "./strangers.ts"

const all = { engine, large, graph, http, access, strangers, pictures, dashboard, readers, redis, sqlite }
const asked = process.argv.slice(2)
for (const [name, bench] of Object.entries(all)) if (asked.length === 0 || asked.includes(name)) await bench()
