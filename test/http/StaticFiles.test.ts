/** Files that come with the package: their modules are up to date, and no name or header leads astray. */
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { promisify } from "node:util"
import { gunzipSync } from "node:zlib"
import * as fc from "fast-check"
import { afterAll, describe, expect, test } from "vitest"
import { files as dashboard } from "../../adapters/dashboard/index.ts"
import { files as redoc } from "../../adapters/http/docs/Redoc.generated.ts"
import { files as swaggerUi } from "../../adapters/http/docs/SwaggerUi.generated.ts"
import { licences, modules } from "../../adapters/http/pages/generate.ts"
import { find, hashedName, type StaticFiles } from "../../adapters/http/pages/StaticFiles.ts"
import { acceptsGzip } from "../../adapters/http/transfer/AcceptEncoding.ts"
import * as EntityTag from "../../adapters/http/transfer/EntityTag.ts"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { type Choice, choices } from "../fixtures/access.ts"
import { guide } from "../fixtures/pipelines.ts"
import { hasBrowser, openBrowser, openPage } from "./harness/Browser.ts"

const root = new URL("../../", import.meta.url)

describe("modules of files", () => {
  const kept: Readonly<Record<string, StaticFiles>> = {
    "adapters/http/docs/SwaggerUi.generated.ts": swaggerUi,
    "adapters/http/docs/Redoc.generated.ts": redoc,
    "adapters/dashboard/Files.generated.ts": dashboard
  }
  /** The content, because versions of zlib compress differently. */
  const contents = (files: StaticFiles) =>
    Object.entries(files).map(([name, { gzip, ...file }]) => ({
      name,
      ...file,
      text: gunzipSync(Buffer.from(gzip, "base64")).toString()
    }))

  test("have what their sources give (after a change, run `npm run assets`)", async () => {
    const made = await modules()
    expect(Object.keys(made).sort()).toEqual(Object.keys(kept).sort())
    for (const [path, { files }] of Object.entries(made)) {
      // Compared as a flag: a difference of a megabyte helps no reader.
      expect([path, JSON.stringify(contents(files)) === JSON.stringify(contents(kept[path]!))]).toEqual([path, true])
    }
  })

  test("come with the licences of their libraries", () => {
    for (const [path, text] of Object.entries(licences())) {
      expect(readFileSync(new URL(path, root), "utf8")).toBe(text)
      expect(text).toMatch(/MIT|Apache/)
    }
  })
})

describe("names of files", () => {
  test("find the file, for ever if the hash is its own", () => {
    for (const name of Object.keys(dashboard)) {
      const file = dashboard[name]!
      expect(find(dashboard, name)).toEqual({ file, cacheControl: "no-cache" })
      expect(find(dashboard, hashedName(dashboard, name))).toEqual({
        file,
        cacheControl: "public, max-age=31536000, immutable"
      })
    }
  })

  test("of any other kind find nothing", () =>
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom(...Object.getOwnPropertyNames(Object.prototype))), (name) => {
        fc.pre(!Object.hasOwn(dashboard, name))
        expect(find(dashboard, name)).toBeUndefined()
        expect(find(dashboard, `${name}.0123456789abcdef.js`)).toBe(name === "app" ? expect.anything() : undefined)
      })
    ))
})

describe("headers", () => {
  const asking = (name: string, value: string) =>
    ({ header: (of: string) => (of === name ? value : undefined) }) as Parameters<typeof acceptsGzip>[0]

  test("that are strange are neither an error nor a wish for gzip", () =>
    fc.assert(
      fc.property(fc.string(), (value) => {
        fc.pre(!/gzip|\*/i.test(value))
        expect(acceptsGzip(asking("accept-encoding", value))).toBe(false)
        expect(EntityTag.isKnown(asking("if-none-match", value.replaceAll('"', "")), "tag")).toBe(value.trim() === "*")
      })
    ))

  test("with any number of codings are read, and long ones in linear time", () => {
    expect(acceptsGzip(asking("accept-encoding", `${"br,".repeat(5_000)}gzip`))).toBe(false)
    expect(acceptsGzip(asking("accept-encoding", `gzip${" ".repeat(50_000)};x`))).toBe(false)
    expect(EntityTag.isKnown(asking("if-none-match", `${'"x",'.repeat(4_000)}W/"tag"`), "tag")).toBe(true)
  })

  test("hashes differ where texts do", () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        expect(EntityTag.hash(one) === EntityTag.hash(other)).toBe(one === other)
      }),
      { numRuns: 2_000 }
    ))
})

test("a runtime without zlib compresses with web streams", async () => {
  const program = `
    process.getBuiltinModule = undefined
    const { compress } = await import(${JSON.stringify(new URL("adapters/http/transfer/Compression.ts", root).href)})
    const request = { header: () => "gzip" }
    const { headers, body } = await compress(request, { status: 200, headers: { vary: "origin" }, body: "é".repeat(5000) })
    console.log(JSON.stringify({ headers, body: Buffer.from(body).toString("base64") }))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program])
  const { headers, body } = JSON.parse(stdout)
  expect(headers).toEqual({ vary: "origin, accept-encoding", "content-encoding": "gzip" })
  expect(gunzipSync(Buffer.from(body, "base64")).toString()).toBe("é".repeat(5000))
})

describe("the dashboard", () => {
  const closing: Array<() => Promise<unknown>> = []
  afterAll(() => Promise.all(closing.map((close) => close())))

  const make = (options: Partial<Levada.Options<[typeof guide]>>, choice?: Choice) => {
    const access = choice === undefined ? { access: Access.open } : choices[choice]()
    const levada = Levada.make({ pipelines: [guide], ...access, ...options })
    closing.push(levada.close)
    return levada
  }
  const ask = (levada: Levada.Levada, path: string, headers: Readonly<Record<string, string>> = {}) =>
    levada.fetch(new Request(`http://localhost${path}`, { headers }))

  test("is left out if the program says so; the root then leads nowhere", async () => {
    const levada = make({ dashboard: false })
    for (const path of ["/dashboard", "/dashboard/", "/dashboard/app.js"]) {
      expect([path, (await ask(levada, path)).status]).toEqual([path, 404])
    }
    const answer = await ask(levada, "/", { accept: "text/html" })
    expect(answer.status).toBe(200)
    expect(((await answer.json()) as { links: object }).links).not.toHaveProperty("dashboard")
    const document = (await (await ask(levada, "/openapi.json")).json()) as { paths: object }
    expect(Object.keys(document.paths).filter((path) => path.startsWith("/dashboard"))).toEqual([])
  })

  test("is open where access is secured and documentation is guarded", async () => {
    const levada = make({ guardDocs: true }, "secured")
    expect((await ask(levada, "/docs")).status).toBe(401)
    for (const path of ["/dashboard", "/dashboard/app.js", "/"]) {
      expect([path, (await ask(levada, path)).status]).toEqual([path, 200])
    }
    expect((await ask(levada, "/pipelines")).status).toBe(401)
  })

  test("an Elysia app keeps its own root, and its own /dashboard if the program says so", async () => {
    const { Elysia } = await import("elysia")
    const { ElysiaPlugin } = await import("../../adapters/elysia/index.ts")
    const app = new Elysia()
      .get("/", () => "mine")
      .get("/dashboard/*", () => "mine")
      .use(ElysiaPlugin.plugin(make({ dashboard: false })))
    for (const path of ["/", "/dashboard/x"]) {
      expect(await (await app.handle(new Request(`http://localhost${path}`))).text()).toBe("mine")
    }
  })

  test("names of `Vary` that a hook of an Elysia app set stay", async () => {
    const { Elysia } = await import("elysia")
    const { ElysiaPlugin } = await import("../../adapters/elysia/index.ts")
    const app = new Elysia()
      .onRequest(({ set }) => {
        set.headers["vary"] = "x-own"
      })
      .use(ElysiaPlugin.plugin(make({})))
    const answer = await app.handle(new Request("http://localhost/pipelines"))
    expect(answer.headers.get("vary")).toBe("x-own, accept-encoding")
  })

  test("with CORS, an answer varies by origin and by encoding", async () => {
    const levada = make({ cors: { origins: ["https://app.example.com"] } })
    const answer = await ask(levada, "/pipelines", { origin: "https://app.example.com" })
    expect(answer.headers.get("vary")).toBe("accept-encoding, origin")
  })

  /** Passes on what is below `/x`, without that prefix. */
  const proxy = async (target: string): Promise<string> => {
    const server = createServer((incoming, outgoing) => {
      const path = incoming.url!.replace(/^\/x(?=\/)/, "")
      const asking = request(target + path, { method: incoming.method, headers: incoming.headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(outgoing)
      })
      incoming.pipe(asking)
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    closing.push(() => new Promise((resolve) => server.close(resolve)))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`
  }

  test.skipIf(!hasBrowser)(
    "opens in a browser at any path, and asks for nothing that is missing or forbidden",
    { timeout: 60_000 },
    async () => {
      const serving = await NodeServer.serve(make({}), { port: 0 })
      closing.unshift(serving.close)
      const below = await NodeServer.serve(make({ basePath: "/flows" }), { port: 0 })
      closing.unshift(below.close)
      const browser = await openBrowser()
      try {
        const behind = await proxy(serving.url)
        for (const [url, ends] of [
          [`${serving.url}/`, "/dashboard"],
          [`${serving.url}/api/v1`, "/api/v1/dashboard"],
          [`${below.url}/flows`, "/flows/dashboard"],
          [`${below.url}/flows/`, "/flows/dashboard"],
          [`${below.url}/flows/dashboard/`, "/flows/dashboard/"],
          [`${behind}/`, "/x/dashboard"],
          [`${behind}/dashboard/`, "/x/dashboard/"]
        ] as const) {
          const { page, complaints } = await openPage(browser, new URL(url).origin)
          await page.goto(url)
          await page.locator("#root *").first().waitFor()
          expect([new URL(page.url()).pathname, complaints]).toEqual([ends, []])
          await page.context().close()
        }
      } finally {
        await browser.close()
      }
    }
  )
})
