/** A secured Levada whose callers have different rights, and whose clock a test moves so that credentials expire. */
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { ApiKeys, Tokens } from "../../../adapters/keys/index.ts"
import { NodeServer } from "../../../adapters/node/index.ts"
import { Access, Levada, type Pipeline, Store } from "../../../adapters/promise/index.ts"
import { demoPipelines } from "./DemoPipelines.ts"
import { Pace } from "./Pace.ts"

const HOUR_MILLIS = 3_600_000

export const KEYS = {
  /** Reads everything. */
  reader: "office-key-of-the-reader-01",
  /** Reads everything, and executes `orders`. */
  clerk: "office-key-of-the-clerk-002",
  admin: "office-key-of-the-admin-003",
  /** As the admin's, until `expire`. */
  passing: "office-key-that-expires-004"
} as const

/** The pipelines that it has, of the demo's. */
const IDS = ["my_pipeline", "orders", "slow_import", "broken_report", "kind_map"]

export interface Office {
  readonly url: string
  readonly levada: Levada.Levada
  readonly start: (pipelineId: string, parameters: object) => Promise<string>
  /** Makes the `passing` key expire. */
  readonly expire: () => void
  readonly close: () => Promise<void>
}

export const open = async (): Promise<Office> => {
  const pace = new Pace(2 * HOUR_MILLIS)
  const pipelines = demoPipelines(pace).filter(({ id }) => IDS.includes(id))
  const all = { pipelines: ["*"], permissions: ["read", "execute", "admin"] } as const
  const levada = Levada.make({
    pipelines,
    access: Access.secured({
      authenticators: [
        ApiKeys.make({
          [KEYS.reader]: { role: "reader", id: "ruth", pipelines: ["*"], permissions: ["read"] },
          [KEYS.clerk]: { role: "clerk", id: "cleo", pipelines: ["*"], permissions: ["read", "execute"] },
          [KEYS.admin]: { role: "admin", id: "ada", ...all },
          [KEYS.passing]: {
            role: "admin",
            id: "pia",
            expires: new Date(Date.now() - HOUR_MILLIS).toISOString(),
            ...all
          }
        })
      ],
      acls: Object.fromEntries(
        IDS.filter((id) => id !== "orders").map((id) => [
          id,
          { read: ["reader", "clerk", "admin"], execute: ["admin"] }
        ])
      ),
      tokens: Tokens.make()
    }),
    telemetry: Layer.merge(Logger.layer([]), pace.clock.layer),
    store: Store.layerMemory({ leaseMillis: 3 * HOUR_MILLIS }),
    services: Layer.empty as Layer.Layer<unknown>
  })
  await levada.ready
  const { url, close } = await NodeServer.serve(levada, { port: 0, host: "127.0.0.1" })
  return {
    url,
    levada,
    start: (id, parameters) =>
      levada.start(pipelines.find((one) => one.id === id) as Pipeline.Any, parameters as never),
    expire: () => pace.clock.moveTo(0),
    close
  }
}
