/** The package as its users get it: packed, checked by tools for npm packages, installed and imported. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startServer } from "../dashboard/harness/ServerProcess.ts"
import { visit } from "../dashboard/harness/Visit.ts"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { run } from "./Command.ts"

/** The outside packages that each subpath loads when it is imported. */
const SUBPATHS: Readonly<Record<string, ReadonlyArray<string>>> = {
  levada: ["effect"],
  "levada/core": ["effect"],
  "levada/http": ["effect"],
  "levada/client": [],
  "levada/node": ["node:http"],
  "levada/bun": [],
  "levada/deno": [],
  "levada/elysia": ["effect", "elysia"],
  "levada/dagre": ["@dagrejs/dagre"],
  "levada/dashboard": [],
  "levada/progress": [],
  "levada/redis": ["effect", "ioredis"],
  // SQLite itself is loaded when the first Store is made.
  "levada/sqlite": ["effect", "node:fs", "node:path", "node:process"],
  "levada/keys": ["effect"],
  "levada/leaks": ["effect"],
  "levada/settings": ["effect"],
  "levada/jwt": ["effect", "jose"],
  "levada/testing": ["effect"],
  "levada/threads": ["effect"]
}

const root = fileURLToPath(new URL("../..", import.meta.url))
const bin = (name: string): string => join(root, "node_modules/.bin", name)
const temporary = mkdtempSync(join(tmpdir(), "levada-npm-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** A program's folder with the installed tarball, beside other packages. */
const install = async (name: string, ...packages: ReadonlyArray<string>): Promise<string> => {
  const folder = join(temporary, name)
  mkdirSync(folder)
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }')
  writeFileSync(join(folder, "program.ts"), PROGRAM)
  writeFileSync(join(folder, "app.ts"), APP)
  writeFileSync(join(folder, "outside.mjs"), OUTSIDE)
  await run(folder, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", tarball, ...packages)
  return folder
}

/** Runs a pipeline and calls the API. */
const PROGRAM = `
import { Access, Levada, Pipeline, Task } from "levada"
import * as Schema from "effect/Schema"
const shout = Task.make("shout", {
  input: { text: Schema.String },
  output: { loud: Schema.String },
  run: ({ text }) => ({ loud: text.toUpperCase() })
})
export const shouting = Pipeline.make("shouting", [shout])
export const levada = Levada.make({ pipelines: [shouting], access: Access.open })
const answer = await levada.fetch(new Request("http://localhost/pipelines"))
console.log(await levada.execute(shouting, { text: "hello" }), answer.status)
await levada.close()
`

/** The type that a program with Elysia exports for Eden. */
const APP = `
import { Elysia } from "elysia"
import { Access, Levada } from "levada"
import { ElysiaPlugin } from "levada/elysia"
const levada = Levada.make({ pipelines: [], access: Access.open })
export const app = new Elysia().use(ElysiaPlugin.plugin(levada))
export type App = typeof app
`

/** Imports a module and prints the outside packages that it loads. */
const OUTSIDE = `
import { registerHooks } from "node:module"
const outside = new Set()
registerHooks({
  resolve: (specifier, context, next) => {
    if (context.parentURL?.includes("/node_modules/levada/") && !specifier.startsWith(".")) {
      outside.add(specifier.startsWith("@") ? specifier.split("/", 2).join("/") : specifier.split("/", 1)[0])
    }
    return next(specifier, context)
  }
})
await import(process.argv[2])
console.log(JSON.stringify([...outside].sort()))
`

let tarball: string
/** With nothing beside levada but the packages that npm installs with it. */
let bare: string
/** With the libraries that some subpaths need. */
let withOthers: string
/** The files of the tarball. */
let unpacked: string

beforeAll(async () => {
  await run(root, "npm", "pack", "--pack-destination", temporary)
  tarball = join(temporary, readdirSync(temporary).find((name) => name.endsWith(".tgz"))!)
  bare = await install("bare")
  withOthers = await install("others", "elysia", "@elysiajs/node", "ioredis", "jose", "@dagrejs/dagre")
  unpacked = join(bare, "node_modules/levada")
}, 180_000)

describe("the tarball", () => {
  it("contains the build, its sources, the licence and the README", () => {
    expect(readdirSync(unpacked).sort()).toEqual(["LICENSE", "README.md", "adapters", "core", "dist", "package.json"])
  })

  it("contains the sources that its source maps name", () => {
    const dist = join(unpacked, "dist")
    const maps = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".map"))
    const sources = maps.flatMap((map) =>
      (JSON.parse(readFileSync(join(dist, map), "utf8")).sources as ReadonlyArray<string>).map((source) =>
        join(dist, dirname(map), source)
      )
    )
    expect(sources.length).toBeGreaterThan(0)
    // Left out, because the build has the same text: the files of the pages.
    const missing = sources.filter((source) => !existsSync(source)).map((source) => source.slice(unpacked.length + 1))
    expect([...new Set(missing)].sort()).toEqual([
      "adapters/dashboard/Files.generated.ts",
      "adapters/http/docs/Redoc.generated.ts",
      "adapters/http/docs/SwaggerUi.generated.ts"
    ])
  })

  it("passes publint", async () => {
    await expect(run(root, bin("publint"), "--strict", tarball)).resolves.toContain("All good!")
  })

  it("has types that resolve, by attw", async () => {
    const report = await run(root, bin("attw"), tarball, "--profile", "esm-only")
    for (const subpath of Object.keys(SUBPATHS)) expect(report).toContain(`"${subpath}"`)
  })
})

/** The most that a page may load for the client, in bytes after gzip. */
const CLIENT_BYTES = 3_072

/** Requests every file of the API's own pages. */
const PAGES = `
import { Access, Levada } from "levada"
const levada = Levada.make({ pipelines: [], access: Access.open })
const ask = async (path) => (await levada.fetch(new Request("http://localhost" + path))).text()
for (const page of ["docs", "redoc", "dashboard"]) {
  const files = Array.from((await ask("/" + page)).matchAll(/(?:src|href)="(?!data:)([^"]*)"/g), ([, file]) => file)
  for (const file of files) {
    console.log(file.replace(/\\.[0-9a-f]{16}\\./, "."), (await ask("/" + file)).length > 50)
  }
}
await levada.close()
`

/** Requests a picture in each way. */
const PICTURE = `
import { Access, Levada, Pipeline, Task } from "levada"
const task = Task.make("only", { output: {}, run: () => ({}) })
const levada = Levada.make({ pipelines: [Pipeline.make("p", [task])], access: Access.open })
const ask = (path, accept) => levada.fetch(new Request("http://localhost/pipelines/p/" + path, { headers: { accept } }))
for (const [name, path, accept] of [
  ["svg", "dag/svg", "*/*"],
  ["layers", "dag/svg?engine=layers", "*/*"],
  ["page", "visualize", "text/html"]
]) {
  const answer = await ask(path, accept)
  const text = await answer.text()
  const why = answer.ok ? "" : " " + JSON.parse(text).error + " " + /npm install [^\`]*/.exec(text)[0]
  console.log(name, answer.status + why)
}
await levada.close()
`

/** Serves the API below a path with the runtime's own server, and has one run. */
const SERVER = `
import { Access, Levada, Pipeline, Task } from "levada"
import { NodeServer } from "levada/node"
const only = Pipeline.make("only", [Task.make("task", { output: {}, run: () => ({}) })])
const levada = Levada.make({ pipelines: [only], access: Access.open, basePath: "/flows" })
await levada.execute(only, {})
const at = { port: 0, hostname: "127.0.0.1" }
const { Bun, Deno } = globalThis
if (Bun) console.log(String(Bun.serve({ ...at, fetch: levada.fetch }).url) + "flows")
else if (Deno) Deno.serve({ ...at, onListen: ({ port }) => console.log("http://127.0.0.1:" + port + "/flows") }, levada.fetch)
else console.log((await NodeServer.serve(levada, { port: 0, host: "127.0.0.1" })).url + "/flows")
`

const SERVERS = {
  "NodeServer, on node": [bin("node")],
  "the fetch handler, on bun": [bin("bun")],
  "the fetch handler, on deno": [bin("deno"), "run", "-A"]
} as const

describe.skipIf(!hasBrowser)("the dashboard in a browser", () => {
  it.each(Object.entries(SERVERS))("is that of the package: %s", (_, command) => {
    writeFileSync(join(bare, "server.mjs"), SERVER)
    return expectRun(bare, command)
  })

  it.each(Object.entries(SERVERS))("is that of a bundle: %s", async (name, command) => {
    const alone = join(temporary, name.replaceAll(/\W+/g, "-"))
    mkdirSync(alone)
    writeFileSync(join(bare, "server.mjs"), SERVER)
    const options = ["--bundle", "--format=esm", "--platform=node", `--outfile=${alone}/server.mjs`]
    await run(bare, bin("esbuild"), "server.mjs", ...options)
    await expectRun(alone, command)
  })

  const expectRun = async (cwd: string, command: readonly [string, ...ReadonlyArray<string>]): Promise<void> => {
    const browser = await openBrowser()
    const server = await startServer([...command, "server.mjs"], { cwd })
    try {
      const { page, complaints } = await visit(browser, server.url)
      const failed: Array<string> = []
      page.on("response", (answer) => {
        if (answer.status() >= 400) failed.push(answer.url())
      })
      await page.locator("table.runs tbody tr", { hasText: "Completed" }).waitFor()
      await page.reload()
      await page.locator("table.runs").getByRole("link", { name: "only" }).click()
      await page.locator("h1", { hasText: "Completed" }).waitFor()
      expect([...complaints, ...failed]).toEqual([])
    } finally {
      await browser.close()
      await server.kill()
    }
  }
})

describe("installed", () => {
  const served = [
    "docs/swagger-ui.css true",
    "docs/swagger-ui-bundle.js true",
    "docs/start.js true",
    "redoc/redoc.standalone.js true",
    "redoc/start.js true",
    "dashboard/style.css true",
    "dashboard/app.js true"
  ]

  it("serves the API's own pages", async () => {
    writeFileSync(join(bare, "pages.mjs"), PAGES)
    expect((await run(bare, bin("node"), "pages.mjs")).trim().split("\n")).toEqual(served)
  })

  it.each(["node", "bun", "deno"])(
    "serves them from a program that is bundled into one file, on %s",
    async (runtime) => {
      writeFileSync(join(bare, "pages.mjs"), PAGES)
      const options = ["--bundle", "--format=esm", "--platform=node", "--outfile=bundle/pages.mjs"]
      await run(bare, bin("esbuild"), "pages.mjs", ...options)
      const alone = join(temporary, `bundle-${runtime}`)
      mkdirSync(alone)
      copyFileSync(join(bare, "bundle/pages.mjs"), join(alone, "pages.mjs"))
      const args = runtime === "deno" ? ["run", "pages.mjs"] : ["pages.mjs"]
      expect((await run(alone, bin(runtime), ...args)).trim().split("\n")).toEqual(served)
    }
  )

  it("says how to install dagre where it is missing, and draws layers without it, in a bundle too", async () => {
    writeFileSync(join(bare, "picture.mjs"), PICTURE)
    const withoutDagre = ["svg 501 LayoutUnavailableError npm install @dagrejs/dagre", "layers 200", "page 200"]
    expect((await run(bare, bin("node"), "picture.mjs")).trim().split("\n")).toEqual(withoutDagre)
    const options = ["--bundle", "--format=esm", "--platform=node", "--outfile=bundled.mjs"]
    await run(bare, bin("esbuild"), "picture.mjs", ...options)
    expect((await run(bare, bin("node"), "bundled.mjs")).trim().split("\n")).toEqual(withoutDagre)
    writeFileSync(join(withOthers, "picture.mjs"), PICTURE)
    const withDagre = ["svg 200", "layers 200", "page 200"]
    expect((await run(withOthers, bin("node"), "picture.mjs")).trim().split("\n")).toEqual(withDagre)
    await run(withOthers, bin("esbuild"), "picture.mjs", ...options)
    expect((await run(withOthers, bin("node"), "bundled.mjs")).trim().split("\n")).toEqual(withDagre)
  })

  it("has a client that is small in a page, and needs no dependencies", async () => {
    writeFileSync(join(bare, "page.mjs"), 'import { Client } from "levada/client"\nglobalThis.client = Client')
    const options = ["--bundle", "--minify", "--format=esm", "--platform=browser", "--outfile=page.js"]
    await run(bare, bin("esbuild"), "page.mjs", ...options, "--metafile=meta.json")
    const { inputs } = JSON.parse(readFileSync(join(bare, "meta.json"), "utf8"))
    expect(Object.keys(inputs).filter((input) => !/^(?:page\.mjs|node_modules\/levada\/dist\/)/.test(input))).toEqual(
      []
    )
    expect(gzipSync(readFileSync(join(bare, "page.js"))).length).toBeLessThanOrEqual(CLIENT_BYTES)
  })

  it("installs effect, and no library that only some subpaths need", () => {
    const installed = readdirSync(join(bare, "node_modules"))
    expect(installed).toContain("effect")
    expect(installed.filter((name) => /dagre|elysia|ioredis|jose|^ws$/.test(name))).toEqual([])
  })

  for (const [subpath, outside] of Object.entries(SUBPATHS)) {
    it(`${subpath} loads ${outside.join(" and ") || "nothing from outside"}`, async () => {
      const folder = outside.some((name) => /dagre|elysia|ioredis|jose|^ws$/.test(name)) ? withOthers : bare
      expect(JSON.parse(await run(folder, bin("node"), "outside.mjs", subpath))).toEqual(outside)
    })
  }

  it("covers every subpath", () => {
    const { exports } = JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8"))
    expect(Object.keys(SUBPATHS)).toEqual(Object.keys(exports).map((subpath) => subpath.replace(".", "levada")))
  })

  for (const [program, moduleResolution, module, compiler] of [
    ["program.ts", "NodeNext", "NodeNext", "typescript"],
    ["program.ts", "NodeNext", "NodeNext", "@typescript/native"],
    ["program.ts", "Bundler", "ESNext", "@typescript/native"],
    ["app.ts", "NodeNext", "NodeNext", "typescript"],
    ["app.ts", "NodeNext", "NodeNext", "@typescript/native"]
  ] as const) {
    const { version } = JSON.parse(readFileSync(join(root, "node_modules", compiler, "package.json"), "utf8"))
    it(`${program} type-checks and emits declarations, resolved as ${moduleResolution}, by ${version}`, async () => {
      const out = `${moduleResolution}-${version}`
      const strictness = ["--strict", "--exactOptionalPropertyTypes", "--skipLibCheck"]
      const emitted = ["--declaration", "--emitDeclarationOnly", "--target", "ES2023", "--outDir", out]
      const resolution = ["--module", module, "--moduleResolution", moduleResolution]
      const folder = program === "app.ts" ? withOthers : bare
      const tsc = join(root, "node_modules", compiler, "bin/tsc")
      await run(folder, bin("node"), tsc, ...strictness, ...emitted, ...resolution, program)
      const declared = readFileSync(join(folder, out, program.replace(".ts", ".d.ts")), "utf8")
      expect(declared).toContain(program === "app.ts" ? "task_id" : '"shouting"')
    })
  }
})

/** The machine's Node, of any version. */
const systemNode = process.env["PATH"]!.split(delimiter)
  .map((folder) => join(folder, "node"))
  .find((path) => !path.includes("node_modules") && existsSync(path))

const RUNTIMES: Readonly<Record<string, ReadonlyArray<string> | undefined>> = {
  "the Node of this machine": systemNode === undefined ? undefined : [systemNode],
  "Node 24": [bin("node")],
  Bun: [bin("bun")],
  Deno: [bin("deno"), "run", "-A"]
}

describe("runs from the tarball", () => {
  const imports = Object.keys(SUBPATHS).map(
    (subpath) => `if (Object.keys(await import("${subpath}")).length > 0) console.log("${subpath}")`
  )

  for (const [runtime, command] of Object.entries(RUNTIMES)) {
    it.skipIf(command === undefined)(`on ${runtime}`, async () => {
      const [program, ...args] = command!
      // The machine's Node may be too old to read TypeScript.
      writeFileSync(join(withOthers, "program.mjs"), [PROGRAM, ...imports].join("\n"))
      const printed = await run(withOthers, program!, ...args, "program.mjs")
      expect(printed.trim().split("\n")).toEqual(["HELLO 200", ...Object.keys(SUBPATHS)])
    })
  }
})
