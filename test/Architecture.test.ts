/** The layout of the sources, and which module may import which. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { describe, expect, it } from "vitest"

// -- the rules -------------------------------------------------------------------------------------------------------

/**
 * The parts of the repository that are divided into rooms. For each room, lowest first: the rooms of the same part that
 * it may import besides itself.
 */
const HOUSES = ["core", "adapters/http", "adapters/redis"]
const ROOMS: Readonly<Record<string, string>> = {
  "core/values": "",
  "core/runtime": "values",
  "core/json": "values",
  "core/task": "json values",
  "core/pipeline": "json task values",
  "core/render": "pipeline run values",
  "core/run": "json pipeline task values",
  "core/store": "json pipeline run runtime task values",
  "core/registry": "pipeline store task values",
  "core/memory/work": "json pipeline run runtime store values",
  "core/memory/journal": "json pipeline run values",
  "core/memory/run": "json memory/journal memory/work pipeline run runtime store task values",
  "core/memory": "json memory/journal memory/run memory/work pipeline run runtime store task values",
  "core/worker": "json pipeline registry run runtime store task values",
  "core/access": "registry run runtime store values",
  "core/schedule": "pipeline registry run runtime store values",
  "core/statistics": "run values",
  "core/operations": "access pipeline registry run runtime statistics store task values",
  // The public entry point, which puts the rooms together.
  core: "access memory operations pipeline registry render run schedule store task values worker",

  "adapters/http/server": "",
  "adapters/http/runs": "server transfer",
  "adapters/http/schedules": "server",
  "adapters/http/access": "server",
  "adapters/http/events": "runs server",
  "adapters/http/health": "runs server",
  "adapters/http/pipelines": "health runs server transfer",
  "adapters/http/transfer": "server",
  "adapters/http/pages": "server transfer",
  "adapters/http/docs": "access events health pages pipelines runs schedules server transfer",
  "adapters/http": "access docs events health pages pipelines runs schedules server transfer",

  "adapters/redis/lua": "",
  "adapters/redis/connection": "lua",
  "adapters/redis/runs": "connection lua",
  "adapters/redis/work": "connection lua runs",
  "adapters/redis/tables": "connection lua runs work",
  "adapters/redis/upkeep": "connection lua runs",
  "adapters/redis": "connection lua runs tables upkeep work"
}

/**
 * The rooms of core that adapters may not import. They may import contracts and values. The exception is a journal under the
 * Store in memory.
 */
const INSIDE_CORE = /^core\/(?:memory|worker)\//
const JOURNAL = "sqlite"

/** The largest number of files in a folder. */
const MAX_FILES = 20

/** What each adapter may import besides core, effect and itself. */
const ADAPTERS: Readonly<Record<string, { readonly adapters: ReadonlyArray<string>; readonly outside?: RegExp }>> = {
  // Loads the layout engine and the files of the dashboard by `import()`, when a request needs them.
  http: { adapters: ["dagre", "dashboard"] },
  // The page calls the API as another program does. Of `http` it has only types.
  dashboard: { adapters: ["client", "http"], outside: /^preact(?:\/.*)?$/ },
  dagre: { adapters: [], outside: /^@dagrejs\/dagre$/ },
  // Only types of both, so that neither is loaded at run time.
  client: { adapters: ["http"] },
  // Web Crypto of the runtime; and `process`, for the arguments of the command that generates keys.
  keys: { adapters: [], outside: /^node:util$/ },
  jwt: { adapters: [], outside: /^jose$/ },
  // `process` of the runtime, for the terminal and its signals.
  progress: { adapters: [] },
  promise: { adapters: ["http", "leaks", "threads"] },
  // Builds everything from the environment.
  settings: { adapters: ["http", "keys", "jwt", "redis", "sqlite"] },
  testing: { adapters: ["threads"] },
  // Only the type of an object that a runtime may have.
  leaks: { adapters: [], outside: /^node:async_hooks$/ },
  // The runtime's threads, looked up by name when a call needs them.
  threads: { adapters: [] },
  redis: { adapters: [], outside: /^ioredis$/ },
  // SQLite of the runtime, loaded when the first Store is made; and `process`, for its id.
  sqlite: { adapters: [], outside: /^node:(?:sqlite|process|fs|path)$/ },
  node: { adapters: ["http", "promise"], outside: /^(?:node:.*|ws)$/ },
  bun: { adapters: ["http", "promise"] },
  deno: { adapters: ["http", "promise"] },
  // On Node, Elysia listens through `@elysiajs/node`, which is a `node:http` server.
  elysia: { adapters: ["http", "promise", "node"], outside: /^(?:elysia|@elysiajs\/node|node:http|node:net)$/ }
}

/** The page of the dashboard: a program for browsers, which is bundled into a module. */
const PAGE = "adapters/dashboard/page"

/** Programs that write modules (`*.generated.ts`). They run on Node, and no module imports them. */
const GENERATOR = /\/generate\.ts$/

/** Names that tie code to a runtime, to the wall clock or to chance. Core uses Effect's services instead. */
const IMPURE =
  /^(?:async|await|require|process|globalThis|window|Deno|Bun|console|performance|fetch|crypto|set(?:Timeout|Interval|Immediate)|new Date|Date\.now|Math\.random|Effect\.run\w*)$/

/** The clocks of a machine. */
const CLOCK = /^(?:Date\.now|performance|new Date|process\.hrtime.*)$/

const SNAKE_CASE = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$/

const HEADER =
  /^(?:authorization|(?:accept|access-control|cache|content|forwarded|if|last|proxy|retry|set|strict|transfer|user|www|x)-[a-z-]+)$/i

/** Other places than `adapters/http` that contain words of HTTP, and which. */
const SPOKEN: Readonly<Record<string, RegExp>> = {
  // The code that writes a body to the socket needs its length; and Node keeps only the first of some duplicate
  // headers.
  "adapters/node/NodeRequest.ts": /^(?:content-length|authorization)$/,
  "adapters/elysia/Answer.ts": /^content-length$/,
  // The settings' name for an API key.
  "adapters/settings/Settings.ts": /^api_key$/,
  // Names of tables, and of SQLite's pragmas.
  "adapters/sqlite/SqliteJournal.ts": SNAKE_CASE,
  "adapters/sqlite/SqliteFile.ts": SNAKE_CASE,
  // Names that Redis uses in INFO.
  "adapters/redis/connection/ServerFacts.ts": SNAKE_CASE
}

const EMPTY_NAMES: ReadonlySet<string> = new Set(["utils", "common", "helpers", "types", "internal"])

const LONG = 300
const TOO_LONG = 400

// -- reading the sources ---------------------------------------------------------------------------------------------

const root = fileURLToPath(new URL("..", import.meta.url))

interface Import {
  /** A path from the root of the repository, or the name of an outside module. */
  readonly of: string
  readonly typeOnly: boolean
}

interface Source {
  readonly path: string
  readonly lines: number
  readonly imports: ReadonlyArray<Import>
  /** Identifiers used as values: `process`, `Date.now`, `new Date`, `async`. */
  readonly names: ReadonlySet<string>
  /** Names of properties, and texts. */
  readonly keys: ReadonlySet<string>
  readonly texts: ReadonlySet<string>
  /** Numbers in places where an HTTP status stands. */
  readonly statuses: ReadonlyArray<number>
}

const read = (path: string): Source => {
  const code = readFileSync(join(root, path), "utf8")
  const imports: Array<Import> = []
  const names = new Set<string>()
  const keys = new Set<string>()
  const texts = new Set<string>()
  const statuses: Array<number> = []

  const imported = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return
    const { text } = specifier
    imports.push({ of: text.startsWith(".") ? posix.join(dirname(path), text) : text, typeOnly })
  }

  const visit = (node: ts.Node): void => {
    const { parent } = node
    if (ts.isImportDeclaration(node)) {
      imported(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    } else if (ts.isExportDeclaration(node)) {
      imported(node.moduleSpecifier, node.isTypeOnly)
    } else if (ts.isImportTypeNode(node)) {
      imported(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      imported(node.arguments[0], false)
    } else if (node.kind === ts.SyntaxKind.AsyncKeyword) {
      names.add("async")
    } else if (ts.isAwaitExpression(node)) {
      names.add("await")
    } else if (ts.isNewExpression(node)) {
      names.add(`new ${node.expression.getText()}`)
    } else if (ts.isPropertyAccessExpression(node)) {
      names.add(node.getText())
      keys.add(node.name.text)
    } else if (ts.isIdentifier(node)) {
      const isName = "name" in parent && parent.name === node
      if (!isName || ts.isShorthandPropertyAssignment(parent)) names.add(node.text)
      if (isName && (ts.isObjectLiteralElement(parent) || ts.isTypeElement(parent))) keys.add(node.text)
    } else if (ts.isStringLiteralLike(node)) {
      texts.add(node.text)
    } else if (ts.isNumericLiteral(node) && /^[1-5]\d\d$/.test(node.text)) {
      const place =
        ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent)
          ? parent.name.getText()
          : ts.isBinaryExpression(parent)
            ? parent.left.getText()
            : ts.isCallExpression(parent)
              ? parent.expression.getText()
              : ""
      if (/(?:^|\.)(?:status|writeHead)$/.test(place)) statuses.push(Number(node.text))
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, code, ts.ScriptTarget.ES2023, true))
  return { path, lines: code.trimEnd().split("\n").length, imports, names, keys, texts, statuses }
}

const files = (folder: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((path) => posix.join(folder, path.replaceAll("\\", "/")))
    .sort()

const core = files("core")
  .filter((path) => path.endsWith(".ts"))
  .map(read)
const adapters = files("adapters")
  .filter((path) => /\.tsx?$/.test(path) && !GENERATOR.test(path))
  .map(read)
const sources = [...core, ...adapters]

/** The adapter that a file belongs to, or another file's folder. */
const folderOf = (path: string): string =>
  path.startsWith("adapters/") ? path.split("/")[1]! : posix.basename(dirname(path))
const isPage = (path: string): boolean => path.startsWith(`${PAGE}/`)
const isSource = (of: string): boolean => of.startsWith("core/") || of.startsWith("adapters/")

/** Calls `broken` for each source. Returns its findings as sentences. */
const findings = (
  of: ReadonlyArray<Source>,
  broken: (source: Source) => Iterable<string> | undefined
): ReadonlyArray<string> =>
  of.flatMap((source) => Array.from(broken(source) ?? [], (what) => `${source.path}: ${what}`))

// -- the tests -------------------------------------------------------------------------------------------------------

describe("rooms", () => {
  const houseOf = (path: string): string | undefined => HOUSES.find((house) => path.startsWith(`${house}/`))

  it("each have a rule", () => {
    const rooms = new Set(sources.map(({ path }) => dirname(path)).filter((room) => houseOf(`${room}/`) !== undefined))
    expect(Object.keys(ROOMS).sort()).toEqual([...rooms].sort())
  })

  it("import only rooms of their part that their rule names", () => {
    const forbidden = findings(sources, ({ path, imports }) => {
      const house = houseOf(path)
      const room = dirname(path)
      const allowed = new Set([room, ...(ROOMS[room] ?? "").split(" ").map((name) => `${house}/${name}`)])
      return imports
        .filter(({ of }) => house !== undefined && of.startsWith(`${house}/`) && !allowed.has(dirname(of)))
        .map(({ of }) => `imports ${of}`)
    })
    expect(forbidden).toEqual([])
  })

  it("say in their head comment what lives in them, and what they may import", () => {
    for (const [room, others] of Object.entries(ROOMS)) {
      if (HOUSES.includes(room)) continue
      const names = others.split(" ").map((name) => `\`${name}\``)
      const rule = others === "" ? "Imports no other room." : `May import: ${names.join(", ")}.`
      expect(readFileSync(join(root, room, "README.md"), "utf8"), room).toContain(`\n\n${rule}\n`)
    }
  })

  it("have few files each", () => {
    const counts = new Map<string, number>()
    for (const { path } of sources) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
    expect([...counts].filter(([, count]) => count > MAX_FILES)).toEqual([])
  })
})

describe("core", () => {
  it("imports nothing but its siblings and effect's modules", () => {
    const outside = findings(core, ({ imports }) =>
      imports.filter(({ of }) => !of.startsWith("core/") && !of.startsWith("effect/")).map(({ of }) => `imports ${of}`)
    )
    expect(outside).toEqual([])
  })

  it("imports only stable modules of effect", () => {
    const unstable = findings(core, ({ imports }) =>
      imports
        .filter(({ of }) => of.startsWith("effect/"))
        .flatMap(({ of }) => {
          const code = readFileSync(join(root, "node_modules/effect/src", `${of.slice("effect/".length)}.ts`), "utf8")
          const stable = code.match(/@stability stable/g)?.length ?? 0
          const other = code.match(/@stability (?:unstable|experimental)/g)?.length ?? 0
          return stable > other ? [] : [`imports ${of}: ${stable} stable exports, ${other} others`]
        })
    )
    expect(unstable).toEqual([])
  })

  it("uses no runtime API, no wall clock, no chance and no Promise", () => {
    expect(findings(core, ({ names }) => [...names].filter((name) => IMPURE.test(name)))).toEqual([])
  })
})

describe("adapters", () => {
  it("are all listed", () => {
    const folders = readdirSync(join(root, "adapters"))
    expect(folders.filter((folder) => ADAPTERS[folder] === undefined)).toEqual([])
  })

  it("import each other only if the table allows it", () => {
    const sideways = findings(adapters, ({ path, imports }) =>
      imports
        .filter(({ of }) => of.startsWith("adapters/") && folderOf(of) !== folderOf(path))
        .filter(({ of }) => !ADAPTERS[folderOf(path)]?.adapters.includes(folderOf(of)))
        .map(({ of }) => `imports ${of}`)
    )
    expect(sideways).toEqual([])
  })

  it("import contracts and values of core, not its Store in memory or its Worker", () => {
    expect(
      findings(adapters, ({ path, imports }) =>
        imports
          .filter(({ of }) => INSIDE_CORE.test(of))
          .filter(({ of }) => folderOf(path) !== JOURNAL || !of.startsWith("core/memory/"))
          .map(({ of }) => `imports ${of}`)
      )
    ).toEqual([])
  })

  it("for pages import nothing else at run time", () => {
    const outside = findings(
      adapters.filter(({ path }) => folderOf(path) === "client" || isPage(path)),
      ({ path, imports }) =>
        imports
          .filter(({ of, typeOnly }) => !typeOnly && !of.startsWith("adapters/client/"))
          .filter(({ of }) => !isPage(path) || !(isPage(of) || ADAPTERS["dashboard"]?.outside?.test(of)))
          .map(({ of }) => of)
    )
    expect(outside).toEqual([])
  })

  it("do not import generators or the dashboard's page", () => {
    const imported = findings(sources, ({ path, imports }) =>
      imports.filter(({ of }) => GENERATOR.test(of) || (isPage(of) && !isPage(path))).map(({ of }) => `imports ${of}`)
    )
    expect(imported).toEqual([])
  })

  it("import only their own outside library", () => {
    const foreign = findings(adapters, ({ path, imports }) =>
      imports
        .filter(({ of }) => !isSource(of) && !of.startsWith("effect/"))
        .filter(({ of }) => ADAPTERS[folderOf(path)]?.outside?.test(of) !== true)
        .map(({ of }) => `imports ${of}`)
    )
    expect(foreign).toEqual([])
  })
})

describe("adapters/redis", () => {
  it("asks Effect's Clock for the time, and not the machine", () => {
    // Another thread renews leases and has no Effect: its program is a text.
    const redis = adapters.filter(({ path }) => folderOf(path) === "redis")
    expect(findings(redis, ({ names }) => [...names].filter((name) => CLOCK.test(name)))).toEqual([])
  })
})

describe("the sources", () => {
  it("contain words of HTTP only in adapters/http, and in the client and the dashboard's page", () => {
    const elsewhere = sources.filter(({ path }) => !["http", "client"].includes(folderOf(path)) && !isPage(path))
    const spoken = findings(elsewhere, ({ path, keys, texts, statuses }) => [
      ...[...keys, ...texts].filter(
        (word) => (SNAKE_CASE.test(word) || HEADER.test(word)) && SPOKEN[path]?.test(word) !== true
      ),
      ...statuses.map((status) => `status ${status}`)
    ])
    expect(spoken).toEqual([])
  })

  it("have no circle of imports, including type imports", () => {
    const left = new Map(
      sources.map(({ path, imports }) => [
        path,
        imports.map(({ of }) => of).filter((of) => of !== path && isSource(of))
      ])
    )
    // Repeatedly removes files without remaining imports or importers: these are on no circle.
    for (let before = Number.POSITIVE_INFINITY; left.size < before; ) {
      before = left.size
      const used = new Set([...left.values()].flat())
      for (const [path, imported] of left) {
        if (!used.has(path) || !imported.some((of) => left.has(of))) left.delete(path)
      }
    }
    expect([...left.keys()]).toEqual([])
  })

  it("are in folders named after a concept", () => {
    const paths = ["core", "adapters"].flatMap(files)
    expect(paths.filter((path) => path.split("/").some((part) => EMPTY_NAMES.has(part)))).toEqual([])
  })

  it("are short", () => {
    const long = sources.filter(({ lines }) => lines > LONG).map(({ path, lines }) => `${path}: ${lines} lines`)
    if (long.length > 0) console.warn(`Longer than ${LONG} lines: ${long.join(", ")}`)
    expect(findings(sources, ({ lines }) => (lines > TOO_LONG ? [`${lines} lines`] : []))).toEqual([])
  })
})

describe("the package", () => {
  const parse = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8"))

  it("has one subpath for core and for each adapter, on npm and on JSR", () => {
    const expected: Record<string, string> = { "./core": "./core/index.ts" }
    for (const folder of Object.keys(ADAPTERS)) {
      expected[folder === "promise" ? "." : `./${folder}`] = `./adapters/${folder}/index.ts`
    }
    expect(parse("jsr.json").exports).toEqual(expected)
    expect(Object.keys(parse("package.json").exports).sort()).toEqual(Object.keys(expected).sort())
  })

  it("has one version, and the same dependencies, on npm and on JSR", () => {
    const npm = parse("package.json")
    const jsr = parse("jsr.json")
    expect(jsr.version).toBe(npm.version)
    expect(Object.keys(npm.peerDependencies).map((name) => [name, jsr.imports[name]])).toEqual(
      Object.entries(npm.peerDependencies).map(([name, range]) => [name, `npm:${name}@${range}`])
    )
  })
})
