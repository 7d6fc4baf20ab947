/** The same Levada three times: open, with an API key, and with a signed token. */
import { SignJWT } from "jose"
import { JwtAuthenticator } from "../../adapters/jwt/index.ts"
import { ApiKeys } from "../../adapters/keys/index.ts"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { pipelines } from "./levada.ts"

const secret = "a secret of the bench, of more than 32 bytes"
const all = { pipelines: ["*"], permissions: ["read", "execute", "admin"] } as const
const { key, hashed } = ApiKeys.generate()
const token = await new SignJWT({ sub: "bench", role: "admin" })
  .setProtectedHeader({ alg: "HS256" })
  .setExpirationTime("1h")
  .sign(new TextEncoder().encode(secret))

const serve = async (access: Access.Access): Promise<string> =>
  (await NodeServer.serve(Levada.make({ pipelines, access }), { port: 0 })).url

const limits = { read: "100000/second" }
const keys = ApiKeys.make({ [hashed]: { role: "admin", ...all } })
console.log(
  JSON.stringify({
    open: { url: await serve(Access.open) },
    key: { url: await serve(Access.secured({ authenticators: [keys] })), header: ["X-API-Key", key] },
    "key and limits": {
      url: await serve(Access.secured({ authenticators: [keys], limits })),
      header: ["X-API-Key", key]
    },
    token: {
      url: await serve(Access.secured({ authenticators: [JwtAuthenticator.make({ secret })], roles: { admin: all } })),
      header: ["Authorization", `Bearer ${token}`]
    }
  })
)
