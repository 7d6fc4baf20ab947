/** Levada on SQLite. */
import { join } from "node:path"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import { SHAPES } from "../redis/shapes.ts"
import type { Start } from "./contract.ts"

export const start: Start = async ({ folder }) => {
  const levada = Levada.make({
    pipelines: Object.values(SHAPES).map(([pipeline]) => pipeline),
    access: Access.open,
    store: SqliteStore.layer({ file: join(folder, "levada.db"), historyCount: 1_000_000 })
  })
  await levada.ready
  return {
    run: (shape, count) => {
      const [pipeline] = SHAPES[shape]!
      return Array.from({ length: count }, async () => {
        const output = (await levada.execute(pipeline, { n: 1 } as never)) as unknown
        return typeof output === "object" ? Object.values(output!)[0] : output
      })
    },
    stop: levada.close
  }
}
