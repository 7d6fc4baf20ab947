/** A Levada with an API key, as strangers find it. */
import { ApiKeys } from "../../adapters/keys/index.ts"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { pipelines } from "./levada.ts"

const { key, hashed } = ApiKeys.generate()
const all = { pipelines: ["*"], permissions: ["read", "execute", "admin"] } as const
const access = Access.secured({ authenticators: [ApiKeys.make({ [hashed]: { role: "admin", ...all } })] })
const { url } = await NodeServer.serve(Levada.make({ pipelines, access }), { port: 0 })
console.log(JSON.stringify({ url, key }))
