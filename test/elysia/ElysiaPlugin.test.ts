/** The API inside an Elysia app: beside the app's own routes, below its prefixes, with its hooks. */
import { Elysia } from "elysia"
import { afterAll, beforeEach, describe, expect, it } from "vitest"
import { ElysiaPlugin } from "../../adapters/elysia/index.ts"
import { type HttpRequest, routes } from "../../adapters/http/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { hostile, pipelines } from "../fixtures/pipelines.ts"
import { tasks } from "../fixtures/tasks.ts"

// Some of the runs that are started here would run for long.
const levada = Levada.make({ pipelines, tasks, access: Access.open, worker: { graceMillis: 0 } })
afterAll(() => levada.close())

interface App {
  readonly handle: Elysia["handle"]
}

const request = (method: string, path: string, body?: string, contentType = "application/json"): Request =>
  new Request(`http://localhost${path}`, {
    method,
    ...(body !== undefined && { headers: { "content-type": contentType }, body })
  })

const ask = (app: App, method: string, path: string, body?: string, contentType?: string): Promise<Response> =>
  app.handle(request(method, path, body, contentType))

const EXECUTE = JSON.stringify({ parameters: { data: "a" }, wait: true })

/** A Levada that answers with the request that it gets. */
const echo: Levada.Levada = {
  ...levada,
  handler: ({ method, path, query, secure, address }: HttpRequest) => ({
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ method, path, query, secure, address })
  })
}

describe("hooks of the app", () => {
  const seen: Array<string> = []
  beforeEach(() => {
    seen.length = 0
  })
  const app = new Elysia()
    .onRequest(({ request: { method } }) => void seen.push(`request ${method}`))
    .onBeforeHandle(({ route }) => void seen.push(`before ${route}`))
    .onAfterHandle(({ set }) => {
      seen.push("after")
      set.headers["x-own"] = "yes"
    })
    .use(ElysiaPlugin.plugin(levada))

  const paths = ["", "/api/v1"].flatMap((prefix) =>
    routes.flatMap(({ method, path }) => (path === "/" ? [] : [[method, `${prefix}${path}`] as const]))
  )
  it.each(paths)("run for %s %s, before and after the API", async (method, path) => {
    const response = await ask(app, method, path, method === "POST" ? "{}" : undefined)
    const route = path.replaceAll("{", ":").replaceAll("}", "")
    expect(seen).toEqual([`request ${method}`, `before ${route}`, "after"])
    expect(response.headers.get("x-own")).toBe("yes")
    expect(response.headers.get("x-content-type-options")).toBe("nosniff")
  })

  it("see the status and the headers of the answer", async () => {
    const found: Array<unknown> = []
    const logging = new Elysia()
      .onAfterHandle(({ set }) => void found.push(set.status, set.headers["content-type"]))
      .use(ElysiaPlugin.plugin(levada))
    await ask(logging, "GET", "/pipelines/nobody/dag")
    await ask(logging, "GET", "/pipelines/my_pipeline/dag/dot")
    expect(found).toEqual([404, "application/json", 200, "text/vnd.graphviz; charset=utf-8"])
  })

  it("can replace the API's answer", async () => {
    const replaced = new Elysia().onAfterHandle(({ set }) => ({ status: set.status })).use(ElysiaPlugin.plugin(levada))
    const response = await ask(replaced, "GET", "/pipelines/my_pipeline/visualize")
    expect(response.headers.get("content-length")).toBeNull()
    expect(await response.json()).toEqual({ status: 200 })
  })

  it("can answer in the API's place", async () => {
    let reached = false
    const guarded = new Elysia()
      .onBeforeHandle(({ headers, status }) => (headers["authorization"] === "yes" ? undefined : status(401, "no")))
      .use(
        ElysiaPlugin.plugin({
          ...levada,
          handler: (asked) => {
            reached = true
            return levada.handler(asked)
          }
        })
      )
    const refused = await ask(guarded, "POST", "/pipelines/my_pipeline/execute", EXECUTE)
    expect([refused.status, await refused.text(), reached]).toEqual([401, "no", false])
    const let_in = request("POST", "/pipelines/my_pipeline/execute", EXECUTE)
    let_in.headers.set("authorization", "yes")
    expect(await (await guarded.handle(let_in)).json()).toMatchObject({ result: { processed: "A" } })
  })

  it.each([
    ["compiled", true],
    ["not compiled", false]
  ])("leave the body to the API, %s", async (_, aot) => {
    const bodies: Array<unknown> = []
    const nosy = new Elysia({ aot })
      .onParse(({ contentType }) => (contentType === "application/own" ? "own" : undefined))
      .parser("own", () => "own")
      .trace(() => undefined)
      .onTransform(({ body }) => void bodies.push(body))
      .use(ElysiaPlugin.plugin(levada))
    const response = await ask(nosy, "POST", "/pipelines/my_pipeline/execute", EXECUTE)
    expect(await response.json()).toMatchObject({ status: "COMPLETED", result: { processed: "A" } })
    expect(bodies).toHaveLength(1)
    expect(bodies[0] ?? undefined).toBeUndefined()
  })
})

describe("beside the app's own routes", () => {
  const app = new Elysia()
    .get("/", () => "own start page")
    .get("/pipelines/mine", () => "own pipeline page")
    .post("/api/v1/users", ({ body }) => body)
    .use(ElysiaPlugin.plugin(levada))
    .get("/pipelines/mine/too", () => "declared after it")
    .onError(({ code }) => (code === "NOT_FOUND" ? `own words: ${code}` : undefined))

  it.each([
    ["/", "own start page"],
    ["/pipelines/mine", "own pipeline page"],
    ["/pipelines/mine/too", "declared after it"]
  ])("leaves %s to the app", async (path, text) => {
    const response = await ask(app, "GET", path)
    expect([response.status, await response.text()]).toEqual([200, text])
  })

  it("leaves the bodies of other routes to Elysia", async () => {
    expect(await (await ask(app, "POST", "/api/v1/users", '{"name":"a"}')).json()).toEqual({ name: "a" })
  })

  it.each(["/nothing", "/healthy", "/pipelinesx", "/api/v1", "/api/v1/nothing", "/api/v1/users/1", "/api/v2/health"])(
    "leaves the 404 of %s to the app",
    async (path) => {
      const response = await ask(app, "GET", path)
      expect([response.status, await response.text()]).toEqual([404, "own words: NOT_FOUND"])
    }
  )
})

describe("answers as the API does everywhere", () => {
  const id = encodeURIComponent(hostile.id)
  const requests: ReadonlyArray<readonly [method: string, path: string, body?: string, contentType?: string]> = [
    ...["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "POST"].flatMap((method) =>
      ["/pipelines", "/pipelines/my_pipeline/dag", "/pipelines/a/b", "/health/x"].map((path) => [method, path] as const)
    ),
    ...["PUT", "OPTIONS", "DELETE"].map((method) => [method, "/health"] as const),
    ...[`/pipelines/${id}/dag`, `/pipelines/${id}/dag/dot`, `/pipelines/${id}/visualize`].map(
      (path) => ["GET", path] as const
    ),
    ["GET", "/pipelines/a%2Fb/status"],
    ["GET", "/pipelines/%22%F0%9F%8E%A7%22/dag"],
    ["GET", "/pipelines/%zz/dag"],
    ["GET", "/pipelines//dag"],
    ["GET", "/pipelines/"],
    ["GET", "/health/"],
    ["GET", "/pipelines/my_pipeline/dag/"],
    ["GET", "/pipelines/result/nothing"],
    ["GET", "/pipelines/my_pipeline/dag?a=%zz&a=1"],
    ["HEAD", "/pipelines/my_pipeline/execute"],
    ["POST", "/pipelines/my_pipeline/execute", EXECUTE],
    ["POST", "/pipelines/my_pipeline/execute?wait=maybe&timeout=%zz", "{}"],
    ["POST", "/pipelines/my_pipeline/execute?wait=true&wait=false", '{"parameters":{"data":"ä🎧"}}'],
    ["POST", "/pipelines/my_pipeline/execute"],
    ["POST", "/pipelines/my_pipeline/execute", "{"],
    ["POST", "/pipelines/my_pipeline/execute", "[]"],
    ["POST", "/pipelines/my_pipeline/execute", '{"parameters":{"data":1,"other":2}}'],
    ["POST", "/pipelines/my_pipeline/execute", EXECUTE, "text/plain"],
    ["POST", "/pipelines/my_pipeline/execute", "a=1", "application/x-www-form-urlencoded"],
    ["POST", "/pipelines/my_pipeline/execute", "--x--", "multipart/form-data; boundary=x"],
    ["POST", "/pipelines/my_pipeline/execute", EXECUTE, "application/json; charset=utf-8"],
    ["POST", "/pipelines/my_pipeline/execute", `"${"x".repeat(1 << 20)}"`],
    ["POST", "/pipelines/failing/execute", '{"parameters":{"how":"path"},"wait":true}'],
    ["POST", "/pipelines/slow/execute", '{"parameters":{"millis":60000},"wait":true,"timeout":0}'],
    ["POST", "/pipelines/made", '{"pipeline_type":"dataflow","tasks":["chicken","egg"]}'],
    ["POST", "/pipelines/made", '{"pipeline_type":"dataflow"}']
  ]

  /** An answer without the parts that vary. */
  const seen = async (method: string, response: Response): Promise<unknown> => {
    const { status, headers } = response
    const text = await response.text()
    return {
      status,
      contentType: headers.get("content-type"),
      allow: headers.get("allow"),
      body: method === "HEAD" ? "" : text.replace(/"(timestamp|task_id)":"[^"]+"|Run '[^']+'/g, "$1")
    }
  }

  const apps: Readonly<Record<string, readonly [app: App, prefix: string]>> = {
    "in an app": [new Elysia().use(ElysiaPlugin.plugin(levada)), ""],
    "in an app that does not compile": [new Elysia({ aot: false }).use(ElysiaPlugin.plugin(levada)), ""],
    "in an app with hooks": [
      new Elysia()
        .onAfterHandle(({ set }) => {
          set.headers["x-own"] = "yes"
        })
        .use(ElysiaPlugin.plugin(levada)),
      ""
    ],
    "below a prefix": [new Elysia({ prefix: "/flows" }).use(ElysiaPlugin.plugin(levada)), "/flows"]
  }

  describe.each(Object.entries(apps))("%s", (_, [app, prefix]) => {
    for (const [method, path, body, contentType] of requests) {
      it(`${method} ${path} ${contentType ?? ""} ${body?.slice(0, 50) ?? ""}`, async () => {
        for (const version of ["", "/api/v1"]) {
          const expected = await levada.fetch(request(method, `${version}${path}`, body, contentType))
          const answered = await ask(app, method, `${prefix}${version}${path}`, body, contentType)
          expect(await seen(method, answered)).toEqual(await seen(method, expected))
        }
      })
    }

    it.each(["/pipelines", `/pipelines/${id}/dag`, "/pipelines/a/b", "/health/x"])(
      "HEAD %s has the content length of GET",
      async (path) => {
        const { byteLength } = await (await ask(app, "GET", `${prefix}${path}`)).arrayBuffer()
        const head = await ask(app, "HEAD", `${prefix}${path}`)
        expect(head.headers.get("content-length")).toBe(String(byteLength))
      }
    )
  })
})

describe("below a prefix", () => {
  const plugin = ElysiaPlugin.plugin(echo)
  const apps: Readonly<Record<string, readonly [app: App, prefix: string]>> = {
    "of the app": [new Elysia({ prefix: "/flows" }).use(plugin), "/flows"],
    "of a group": [new Elysia().group("/flows", (group) => group.use(plugin)), "/flows"],
    "of an app in a group of an app": [
      new Elysia({ prefix: "/a" }).group("/b", (group) => group.use(new Elysia({ prefix: "/c/d" }).use(plugin))),
      "/a/b/c/d"
    ],
    "with a parameter": [new Elysia().group("/tenants/:tenant", (group) => group.use(plugin)), "/tenants/a%2Fb"],
    "of a mounted app": [new Elysia().mount("/flows", new Elysia().use(plugin)), "/flows"],
    "at its own path": [new Elysia({ prefix: "/pipelines" }).use(plugin), "/pipelines"]
  }

  it.each(Object.entries(apps))("%s, the API sees its own paths", async (_, [app, prefix]) => {
    for (const path of [
      "/health",
      "/pipelines",
      "/pipelines/a%2Fb/dag",
      "/api/v1/pipelines/x/dag",
      "/pipelines/a/b/c"
    ]) {
      const response = await ask(app, "GET", `${prefix}${path}?q=${path}`)
      expect(await response.json()).toMatchObject({ method: "GET", path, query: `q=${path}` })
    }
  })

  it("is not the root, and other paths stay the app's", async () => {
    const [app] = apps["of the app"]!
    for (const path of ["/health", "/pipelines/x/dag", "/flows", "/flows/nothing"]) {
      expect((await ask(app, "GET", path)).status).toBe(404)
    }
  })

  it("two of them can be in one app", async () => {
    const other = Levada.make({ pipelines: [], access: Access.open })
    const app = new Elysia()
      .group("/all", (group) => group.use(ElysiaPlugin.plugin(levada)))
      .group("/none", (group) => group.use(ElysiaPlugin.plugin(other)))
    expect(await (await ask(app, "GET", "/all/pipelines")).json()).not.toEqual([])
    expect(await (await ask(app, "GET", "/none/pipelines")).json()).toEqual([])
    await other.close()
  })
})

describe("of a Levada with a base path", () => {
  const based = Levada.make({ pipelines, access: Access.open, basePath: "/flows", worker: { graceMillis: 0 } })
  afterAll(() => based.close())
  const plugin = ElysiaPlugin.plugin(based)
  const apps: Readonly<Record<string, readonly [app: App, prefix: string]>> = {
    "in an app": [new Elysia().get("/health", () => "own").use(plugin), "/flows"],
    "in an app with a prefix": [new Elysia({ prefix: "/app" }).get("/health", () => "own").use(plugin), "/app/flows"],
    "in a group": [new Elysia().group("/app", (group) => group.get("/health", () => "own").use(plugin)), "/app/flows"]
  }

  describe.each(Object.entries(apps))("%s", (_, [app, prefix]) => {
    it("answers below it, with every prefix", async () => {
      for (const version of ["", "/api/v1"]) {
        const below = `${prefix}${version}`
        expect(await (await ask(app, "GET", `${below}/health`)).json()).toMatchObject({ status: "healthy" })
        expect(await (await ask(app, "GET", `${below}/pipelines/my_pipeline/dag`)).json()).toHaveProperty("nodes")
        const ran = await ask(app, "POST", `${below}/pipelines/my_pipeline/execute`, EXECUTE)
        expect(await ran.json()).toMatchObject({ status: "COMPLETED", result: { processed: "A" } })
        const put = await ask(app, "PUT", `${below}/health`)
        expect([put.status, (await put.json()).error]).toEqual([405, "MethodNotAllowedError"])
      }
      const lost = await ask(app, "GET", `${prefix}/pipelines/a/b`)
      expect([lost.status, (await lost.json()).error]).toEqual([404, "PathNotFoundError"])
    })

    it("leaves other paths to the app", async () => {
      const own = prefix.slice(0, -"/flows".length)
      expect(await (await ask(app, "GET", `${own}/health`)).text()).toBe("own")
      for (const path of [
        `${own}/pipelines`,
        `${own}/api/v1/pipelines`,
        `${prefix}pipelines`,
        `${own}/api/v1${prefix}/pipelines`,
        `${prefix}/flows/pipelines`,
        prefix
      ]) {
        const response = await ask(app, "GET", path)
        expect(response.status, path).toBe(404)
        expect(await response.text(), path).not.toContain("PathNotFoundError")
      }
    })
  })
})

describe("the API's view of a request", () => {
  const app = new Elysia().use(ElysiaPlugin.plugin(echo))

  it("has its scheme", async () => {
    const secure = async (url: string): Promise<unknown> => (await (await app.handle(new Request(url))).json()).secure
    expect(await secure("http://localhost/health")).toBe(false)
    expect(await secure("https://localhost/health")).toBe(true)
  })

  it("has no address if the server reports none", async () => {
    expect(await (await ask(app, "GET", "/health")).json()).not.toHaveProperty("address")
  })
})
