/** The rules of how the sources are laid out, and of what may import what. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { describe, expect, it } from "vitest"

// -- the rules -------------------------------------------------------------------------------------------------------

/** The files of core by layer, lowest first. A file imports from its own layer and from those before it. */
const LAYERS: ReadonlyArray<readonly [layer: string, names: string]> = [
  [
    "values",
    "AccessErrors Acl Address Arms Backoff Batch Bound Build Bytes Chain Dag Delegate Digest Dot ErrorInfo Errors Event Failure Feed Fit GraphErrors ItemFailures ItemList JsonShape Limit Load Log Monotonic Name Page Parameters Part Pipeline PlainJson Plan Policy Principal Rate Results Retry RoundTrip Run Schedule Sequel Spread Statistics Step StepChecks Steps StoreBounds Task Text Threads Ticks Tracing Value Version Wiring"
  ],
  [
    "contracts",
    "Access Acls Admission Alarms AuditLog Authenticator Countdown Definitions Expansion Fifo History KeptItems Keys Leaks Lease Lending LoneUnits MemoryAcls MemoryAuditLog MemoryDefinitions MemoryFeed MemoryRateLimiter MemoryRun MemorySchedules MemoryStore MemoryTokens Memos NewRun Presence RateLimiter ReadySteps Recordable Registry RunIndex RunItems RunLog RunOwner RunValues Schedules Setbacks Slots Store StoreClock Tokens Unit Waiters"
  ],
  [
    "behaviour",
    "AccessOperations Attempt Attempts Authentication Authorizer Calling Demand Guard Items LeaseKeeper Levada NoteWriter Notes Operations OutcomeQueue Permit PipelineOperations Probe RunOperations Runner Runners ScheduleOperations Scheduler StatisticsOperations Warnings " +
      "Start Strangers TracedStore Worker"
  ],
  ["index", "index"]
]

/** What each adapter may import besides core, effect and itself. */
const ADAPTERS: Readonly<Record<string, { readonly adapters: ReadonlyArray<string>; readonly outside?: RegExp }>> = {
  http: { adapters: [] },
  // Of both only types: nothing of them is there when it runs.
  client: { adapters: ["http"] },
  // What the runtime has of cryptography; the command that makes keys reads its arguments.
  keys: { adapters: [], outside: /^node:util$/ },
  jwt: { adapters: [], outside: /^jose$/ },
  promise: { adapters: ["http", "leaks", "threads"] },
  // Puts together what the environment asks for.
  settings: { adapters: ["http", "keys", "jwt"] },
  testing: { adapters: ["threads"] },
  // Only the type of what a runtime may have.
  leaks: { adapters: [], outside: /^node:async_hooks$/ },
  // The runtime's threads, asked for by name when a call needs them.
  threads: { adapters: [] },
  // Its scripts are put together from files, when they are edited.
  redis: { adapters: [], outside: /^(?:ioredis|node:(?:fs|url))$/ },
  node: { adapters: ["http", "promise"], outside: /^(?:node:.*|ws)$/ },
  bun: { adapters: ["http", "promise"] },
  deno: { adapters: ["http", "promise"] },
  // On Node, Elysia listens through `@elysiajs/node`, which is a `node:http` server.
  elysia: { adapters: ["http", "promise", "node"], outside: /^(?:elysia|@elysiajs\/node|node:http|node:net)$/ }
}

/** What ties code to a runtime, to the wall clock or to chance. Core asks Effect for these. */
const IMPURE =
  /^(?:async|await|require|process|globalThis|window|Deno|Bun|console|performance|fetch|crypto|set(?:Timeout|Interval|Immediate)|new Date|Date\.now|Math\.random|Effect\.run\w*)$/

const SNAKE_CASE = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$/

const HEADER =
  /^(?:authorization|(?:accept|access-control|cache|content|forwarded|if|last|proxy|retry|set|strict|transfer|user|www|x)-[a-z-]+)$/i

/** Where else than in `adapters/http` HTTP may be spoken, and which words of it. */
const SPOKEN: Readonly<Record<string, RegExp>> = {
  // The length of a body is for whoever writes it to the socket; and of some headers Node keeps only the first.
  "adapters/node/NodeRequest.ts": /^(?:content-length|authorization)$/,
  "adapters/elysia/Answer.ts": /^content-length$/,
  // What the settings call an API key.
  "adapters/settings/Settings.ts": /^api_key$/,
  // What Redis calls what it says of itself.
  "adapters/redis/Server.ts": SNAKE_CASE
}

const EMPTY_NAMES: ReadonlySet<string> = new Set(["utils", "common", "helpers", "types", "internal"])

const LONG = 300
const TOO_LONG = 400

// -- what the sources say --------------------------------------------------------------------------------------------

const root = fileURLToPath(new URL("..", import.meta.url))

interface Import {
  /** A path from the root of the repository, or the name of something outside. */
  readonly of: string
  readonly typeOnly: boolean
}

interface Source {
  readonly path: string
  readonly lines: number
  readonly imports: ReadonlyArray<Import>
  /** Names that stand for something: `process`, `Date.now`, `new Date`, `async`. */
  readonly names: ReadonlySet<string>
  /** Names of properties, and texts. */
  readonly keys: ReadonlySet<string>
  readonly texts: ReadonlySet<string>
  /** Numbers that are a status of HTTP by where they stand. */
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

const core = files("core").map(read)
const adapters = files("adapters")
  .filter((path) => path.endsWith(".ts"))
  .map(read)
const sources = [...core, ...adapters]

const nameOf = (path: string): string => posix.basename(path, ".ts")
/** The adapter that a file is of, or another file's folder. */
const folderOf = (path: string): string =>
  path.startsWith("adapters/") ? path.split("/")[1]! : posix.basename(dirname(path))
const isSource = (of: string): boolean => of.startsWith("core/") || of.startsWith("adapters/")

/** Everything that `broken` finds, as sentences to read. */
const findings = (
  of: ReadonlyArray<Source>,
  broken: (source: Source) => Iterable<string> | undefined
): ReadonlyArray<string> =>
  of.flatMap((source) => Array.from(broken(source) ?? [], (what) => `${source.path}: ${what}`))

// -- the tests -------------------------------------------------------------------------------------------------------

describe("core", () => {
  const layerOf = (path: string): number => LAYERS.findIndex(([, names]) => names.split(" ").includes(nameOf(path)))

  it("has every file in a layer", () => {
    expect(core.map(({ path }) => path).filter((path) => layerOf(path) === -1)).toEqual([])
    const listed = LAYERS.flatMap(([, names]) => names.split(" ").map((name) => `core/${name}.ts`))
    expect(listed.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  it("imports only its own layer and those below", () => {
    const upwards = findings(core, ({ path, imports }) =>
      imports
        .filter(({ of }) => isSource(of) && layerOf(of) > layerOf(path))
        .map(({ of }) => `imports ${of} from above`)
    )
    expect(upwards).toEqual([])
  })

  it("imports nothing but its siblings and effect's modules", () => {
    const outside = findings(core, ({ imports }) =>
      imports.filter(({ of }) => !of.startsWith("core/") && !of.startsWith("effect/")).map(({ of }) => `imports ${of}`)
    )
    expect(outside).toEqual([])
  })

  it("imports of effect only what is stable", () => {
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

  it("knows no runtime, no wall clock, no chance and no Promise", () => {
    expect(findings(core, ({ names }) => [...names].filter((name) => IMPURE.test(name)))).toEqual([])
  })
})

describe("adapters", () => {
  it("are each known", () => {
    const folders = readdirSync(join(root, "adapters"))
    expect(folders.filter((folder) => ADAPTERS[folder] === undefined)).toEqual([])
    expect(
      adapters.map(({ path }) => path).filter((path) => !/^adapters\/(?:\w+|redis\/lua)\/[^/]+$/.test(path))
    ).toEqual([])
  })

  it("import each other only where the table says so", () => {
    const sideways = findings(adapters, ({ path, imports }) =>
      imports
        .filter(({ of }) => of.startsWith("adapters/") && folderOf(of) !== folderOf(path))
        .filter(({ of }) => !ADAPTERS[folderOf(path)]?.adapters.includes(folderOf(of)))
        .map(({ of }) => `imports ${of}`)
    )
    expect(sideways).toEqual([])
  })

  it("import nothing at run time, where they are for pages", () => {
    const outside = findings(
      adapters.filter(({ path }) => folderOf(path) === "client"),
      ({ imports }) =>
        imports.filter(({ of, typeOnly }) => !typeOnly && !of.startsWith("adapters/client/")).map(({ of }) => of)
    )
    expect(outside).toEqual([])
  })

  it("import no outside library but their own", () => {
    const foreign = findings(adapters, ({ path, imports }) =>
      imports
        .filter(({ of }) => !isSource(of) && !of.startsWith("effect/"))
        .filter(({ of }) => ADAPTERS[folderOf(path)]?.outside?.test(of) !== true)
        .map(({ of }) => `imports ${of}`)
    )
    expect(foreign).toEqual([])
  })
})

describe("the sources", () => {
  it("speak HTTP only in adapters/http, and at the other end of the wire", () => {
    const elsewhere = sources.filter(({ path }) => !["http", "client"].includes(folderOf(path)))
    const spoken = findings(elsewhere, ({ path, keys, texts, statuses }) => [
      ...[...keys, ...texts].filter(
        (word) => (SNAKE_CASE.test(word) || HEADER.test(word)) && SPOKEN[path]?.test(word) !== true
      ),
      ...statuses.map((status) => `status ${status}`)
    ])
    expect(spoken).toEqual([])
  })

  it("have no import cycle at run time", () => {
    const left = new Map(
      sources.map(({ path, imports }) => [
        path,
        imports.filter(({ of, typeOnly }) => isSource(of) && !typeOnly).map(({ of }) => of)
      ])
    )
    // Whoever imports nothing that is left, or is imported by nothing that is left, is on no cycle.
    for (let before = Number.POSITIVE_INFINITY; left.size < before; ) {
      before = left.size
      const used = new Set([...left.values()].flat())
      for (const [path, imported] of left) {
        if (!used.has(path) || !imported.some((of) => left.has(of))) left.delete(path)
      }
    }
    expect([...left.keys()]).toEqual([])
  })

  it("are in folders that are named after a concept", () => {
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

  it("has one version, and asks for the same libraries on npm and on JSR", () => {
    const npm = parse("package.json")
    const jsr = parse("jsr.json")
    expect(jsr.version).toBe(npm.version)
    expect(Object.keys(npm.peerDependencies).map((name) => [name, jsr.imports[name]])).toEqual(
      Object.entries(npm.peerDependencies).map(([name, range]) => [name, `npm:${name}@${range}`])
    )
  })
})
