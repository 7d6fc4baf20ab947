/**
 * An app with its own login: it checks a password once and issues a token that the API accepts for five minutes. Run
 * it: `bun examples/login.ts`
 *
 * curl -X POST http://127.0.0.1:8000/login -H "Content-Type: application/json" -d '{"name": "ada", "password": "lovelace"}'
 * curl http://127.0.0.1:8000/flows/pipelines -H "Authorization: Bearer $TOKEN"
 * curl -X POST http://127.0.0.1:8000/flows/pipelines/my_pipeline/execute -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{"parameters": {"data": "input_value"}, "wait": true}'
 */
import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto"
import { jwt } from "@elysiajs/jwt"
import { Elysia, t } from "elysia"
import { ElysiaPlugin } from "../adapters/elysia/index.ts"
import { JwtAuthenticator } from "../adapters/jwt/index.ts"
import { Access, Levada } from "../adapters/promise/index.ts"
import { pipelines, untilStopped } from "./pipelines.ts"

/** Signs the tokens. Several servers need the same secret; without it, tokens end with the program. */
const secret = process.env["JWT_SECRET"] ?? randomBytes(48).toString("base64")

/** The users. A real app keeps the salt and hash of each password with its users. */
const user = (password: string, role: string) => {
  const salt = randomBytes(16)
  return { salt, hash: scryptSync(password, salt, 32), role }
}
const users = new Map([
  ["ada", user("lovelace", "runner")],
  ["bob", user("builder", "viewer")]
])
const nobody = user("nobody knows it", "none")

/** The user with that name and password. An unknown name takes the same time. */
const login = (name: string, password: string): { readonly role: string } | undefined => {
  const found = users.get(name)
  const { salt, hash } = found ?? nobody
  return timingSafeEqual(scryptSync(password, salt, 32), hash) ? found : undefined
}

const levada = Levada.make({
  pipelines,
  access: Access.secured({
    authenticators: [JwtAuthenticator.make({ secret })],
    roles: {
      viewer: { pipelines: ["*"], permissions: ["read"] },
      runner: { pipelines: ["*"], permissions: ["read", "execute"] }
    },
    limits: { execute: "100/minute" }
  })
})

const app = new Elysia()
  .use(jwt({ secret, exp: "5m" }))
  .post(
    "/login",
    async ({ jwt, body: { name, password }, status }) => {
      const found = login(name, password)
      if (found === undefined) return status(401, { error: "LoginError", message: "No such name, or another password" })
      return { token: await jwt.sign({ sub: name, role: found.role }), expires_in: 300 }
    },
    { body: t.Object({ name: t.String({ maxLength: 100 }), password: t.String({ maxLength: 100 }) }) }
  )
  // The app's hooks know the token's principal, too.
  .onAfterResponse(({ request, set }) => {
    const { id = "nobody" } = ElysiaPlugin.principalOf(request) ?? {}
    console.log(`${id}: ${request.method} ${new URL(request.url).pathname} ${set.status ?? 200}`)
  })
  .group("/flows", (flows) => flows.use(ElysiaPlugin.plugin(levada)))
  .listen({ hostname: "127.0.0.1", port: Number(process.env["PORT"] ?? "8000") }, ({ port }) => {
    console.log(`Log in at http://127.0.0.1:${port}/login`)
  })

untilStopped(async () => {
  await levada.close()
  await app.stop()
})
