/** A host app that logs people in with `@elysiajs/jwt`: our guard takes its tokens, its hooks see whom we let in. */
import { jwt } from "@elysiajs/jwt"
import { Elysia } from "elysia"
import { afterAll, beforeEach, describe, expect, it } from "vitest"
import { ElysiaPlugin } from "../../adapters/elysia/index.ts"
import { JwtAuthenticator } from "../../adapters/jwt/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { guide } from "../fixtures/pipelines.ts"

const secret = "a-secret-of-the-tests-that-is-long-enough"

const levada = Levada.make({
  pipelines: [guide],
  access: Access.secured({
    authenticators: [JwtAuthenticator.make({ secret })],
    roles: {
      viewer: { pipelines: ["*"], permissions: ["read"] },
      runner: { pipelines: ["*"], permissions: ["read", "execute"] }
    }
  })
})
const open = Levada.make({ pipelines: [guide], access: Access.open, worker: false })
afterAll(() => Promise.all([levada.close(), open.close()]))

const seen: Array<unknown> = []
let onResponse: () => void = () => undefined
beforeEach(() => void seen.splice(0))

const app = new Elysia()
  .use(jwt({ secret, exp: "5m" }))
  .get("/login/:name/:role", ({ jwt, params: { name, role } }) => jwt.sign({ sub: name, role }))
  .get("/expired/:name", ({ jwt, params: { name } }) => jwt.sign({ sub: name, role: "runner", exp: "-1h" }))
  .onBeforeHandle(({ request }) => void seen.push(["before", ElysiaPlugin.principalOf(request)?.id]))
  .onAfterHandle(({ request }) => void seen.push(["after", ElysiaPlugin.principalOf(request)?.id]))
  .onAfterResponse(({ request, set }) => {
    const { id, roles } = ElysiaPlugin.principalOf(request) ?? {}
    seen.push(["response", set.status, id, roles])
    onResponse()
  })
  .get("/own", () => "own")
  .use(ElysiaPlugin.plugin(levada))
  .group("/open", (group) => group.use(ElysiaPlugin.plugin(open)))

const ask = async (path: string, token?: string, body?: object): Promise<Response> => {
  const responded = new Promise<void>((resolve) => {
    onResponse = resolve
  })
  const response = await app.handle(
    new Request(`http://localhost${path}`, {
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" })
      }
    })
  )
  await responded
  return response
}

// The hooks are declared behind these routes, and so are not theirs.
const login = async (path: string): Promise<string> => (await app.handle(new Request(`http://localhost${path}`))).text()

describe("a token of @elysiajs/jwt", () => {
  it("is taken, with its subject and role, and hooks see whose it is once it was", async () => {
    const token = await login("/login/ada/runner")
    const body = { parameters: { data: "x" }, wait: true }
    const response = await ask("/pipelines/my_pipeline/execute", token, body)
    expect(await response.json()).toMatchObject({ result: { processed: "X" } })
    expect(seen).toEqual([
      ["before", undefined],
      ["after", "Bearer:ada"],
      ["response", 200, "Bearer:ada", ["runner"]]
    ])
  })

  it("does not do more than its role may, and hooks see whose it is all the same", async () => {
    const token = await login("/login/bob/viewer")
    expect((await ask("/pipelines/my_pipeline/execute", token, {})).status).toBe(403)
    expect(seen.at(-1)).toEqual(["response", 403, "Bearer:bob", ["viewer"]])
    expect((await ask("/pipelines", token)).status).toBe(200)
  })

  it.each([
    ["that has expired", () => login("/expired/ada")],
    ["that was changed", async () => `${await login("/login/ada/runner")}x`],
    ["that is none", async () => "none"]
  ])("%s is refused, and hooks see nobody", async (_, made) => {
    expect((await ask("/pipelines", await made())).status).toBe(401)
    expect(seen.at(-1)).toEqual(["response", 401, undefined, undefined])
  })
})

describe("hooks see", () => {
  it("nobody where nobody is asked", async () => {
    await ask("/health", await login("/login/ada/runner"))
    expect(seen.at(-1)).toEqual(["response", 200, undefined, undefined])
  })

  it("everybody as one where access is open", async () => {
    await ask("/open/pipelines")
    expect(seen.at(-1)).toEqual(["response", 200, "anonymous", []])
  })

  it("nobody on the app's own routes", async () => {
    await ask("/own")
    expect(seen.at(-1)).toEqual(["response", expect.anything(), undefined, undefined])
  })
})
