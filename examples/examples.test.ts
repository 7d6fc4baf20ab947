/** Runs every example as a user would: as a separate program, and its server by the lines that it prints. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"

const root = join(import.meta.dirname, "..")
const bin = (name: string): string => join(root, "node_modules", ".bin", name)
const run = promisify(execFile)

const program = async (
  script: string,
  args: ReadonlyArray<string> = [],
  env: Readonly<Record<string, string>> = {}
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> => {
  const options = { cwd: root, env: { ...process.env, ...env } }
  try {
    return { code: 0, ...(await run(bin("node"), [script, ...args], options)) }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  }
}

describe("programs", () => {
  it("quickstart", async () => {
    expect(await program("examples/quickstart.ts")).toEqual({
      code: 0,
      stdout: "{ processed: 'INPUT_VALUE' }\n",
      stderr: ""
    })
  })

  it("Promise style", async () => {
    const { code, stdout } = await program("examples/promise-style.ts")
    expect(code).toBe(0)
    expect(stdout).toContain("6 words, the longest is 'levadas'")
    expect(stdout).toContain("1 RunStarted")
    expect(stdout).toContain("10 RunCompleted")
    expect(stdout).toContain("3 words, the longest is 'a'")
  })

  it("progress", async () => {
    const { code, stdout, stderr } = await program("examples/progress.ts")
    expect([code, stdout]).toEqual([0, "199 thumbnails are published\n"])
    expect(stderr).toContain("▶ shrink running · an item failed · item 12: not a JPEG\n")
    expect(stderr).toMatch(/○ publish pending · attempt 2 in \d+ ms · last error: the server is busy\n/)
    expect(stderr).toMatch(/✓ gallery completed · 3 of 3 steps · .*\n$/)
  })

  it("Effect style", async () => {
    const { code, stdout } = await program("examples/effect-style.ts")
    expect(code).toBe(0)
    expect(stdout).toBe("total: 6\nTask 'price' failed: no price for 'stone'\n")
  })
})

describe("audio analysis", () => {
  let folder: string
  const analyse = (file: string) => program("examples/audio/pipeline.ts", [file], { AUDIO_DIR: folder })
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "levada-audio-"))
    for (const name of ["melody.wav", "speech.wav", "noise.wav"]) {
      await copyFile(join(root, "examples", "audio", name), join(folder, name))
    }
    await copyFile(join(folder, "melody.wav"), join(folder, "cut.wav"))
    await truncate(join(folder, "cut.wav"), 10_000)
    await writeFile(join(folder, "text.wav"), "this is no sound")
  })
  afterAll(() => rm(folder, { recursive: true }))

  it("different files give different results, with reasons", async () => {
    const [melody, speech, noise] = await Promise.all(["melody.wav", "speech.wav", "noise.wav"].map(analyse))
    expect(melody!.stdout).toMatch(/music-like: a beat of 120 BPM/)
    expect(speech!.stdout).toMatch(/speech-like: .* onsets per second/)
    expect(melody!.stderr).toMatch(/✓ audio_analysis completed · 4 of 4 steps/)
    expect(noise!.stdout).toMatch(/noisy: spectral flatness 0\.\d+ is at least 0\.7/)
  })

  it.each([
    ["cut.wav", /Task 'extract' failed: truncated: the "data" chunk should hold 128000 bytes/],
    ["text.wav", /Task 'extract' failed: not wav: expected "RIFF....WAVE", found text "this is no s"/],
    ["absent.wav", /Task 'extract' failed: there is no 'absent\.wav' in the audio folder/],
    ["melody.mp3", /parameters\.file: Expected the name of a \.wav file/]
  ])("%s is refused with a reason", async (file, reason) => {
    const { code, stdout, stderr } = await analyse(file)
    expect(code).toBe(1)
    expect(stdout).toBe("")
    expect(stderr).toMatch(reason)
  })
})

/** `npm start` without npm, or another server, until it has printed the commands to try. */
const start = async (
  env: Readonly<Record<string, string>>,
  [runtime, script, ready]: readonly [string, string, RegExp] = ["node", "examples/start.ts", /audio_analysis.*\n/]
) => {
  const path = `${join(root, "node_modules", ".bin")}:${process.env["PATH"]}`
  const child = spawn(bin(runtime), [script], {
    cwd: root,
    env: { ...process.env, LEVADA_STORE: "memory", PATH: path, ...env }
  })
  let printed = ""
  const exited = once(child, "exit").then(([code]) => code as number)
  const isReady = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        printed += chunk.toString()
        if (ready.test(printed)) resolve()
      })
    }
  })
  await Promise.race([isReady, exited])
  return { child, exited, printed: () => printed }
}

describe("npm start", () => {
  it.each(["node", "bun", "deno"])("RUNTIME=%s prints commands that work when pasted", async (runtime) => {
    const server = await start({ RUNTIME: runtime, PORT: "0" })
    try {
      const lines = server.printed().match(/^ {2}curl .*$/gm) ?? []
      expect(lines, server.printed()).toHaveLength(3)
      const answers = await Promise.all(
        lines.map(async (line) => JSON.parse((await run("bash", ["-c", `${line} -sS`])).stdout))
      )
      expect(answers[0].map((row: { pipeline_id: string }) => row.pipeline_id)).toEqual([
        "my_pipeline",
        "word_count",
        "audio_analysis"
      ])
      expect(answers[1]).toMatchObject({ status: "COMPLETED", result: { processed: "INPUT_VALUE" } })
      expect(answers[2]).toMatchObject({
        status: "COMPLETED",
        result: { tags: ["music-like", "rhythmic", "tonal", "dark"] }
      })
      await vi.waitFor(() => {
        expect(server.printed()).toMatch(/^✓ my_pipeline completed · 1 of 1 steps · \d+ ms$/m)
        expect(server.printed()).toMatch(/^✓ audio_analysis completed · 4 of 4 steps · /m)
      })
    } finally {
      server.child.kill("SIGTERM")
    }
    expect(await server.exited).toBe(0)
  })

  it("keeps its runs in a file, also when it is killed, and refuses a second one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "levada-start-"))
    const env = { LEVADA_STORE: `sqlite:${join(folder, "levada.db")}`, PORT: "0" }
    // The process that has the file, and not the one that starts it, so that it is killed itself.
    const server: readonly [string, string, RegExp] = ["node", "examples/servers/node.ts", /Runs are kept.*\n/]
    try {
      const first = await start(env, server)
      expect(first.printed()).toContain(`Runs are kept in the file ${join(folder, "levada.db")}`)
      const at = (printed: string): string => /listening on (\S+)/.exec(printed)![1]!
      const body = JSON.stringify({ parameters: { data: "x" }, wait: true })
      const headers = { "content-type": "application/json" }
      const executed = await fetch(`${at(first.printed())}/pipelines/my_pipeline/execute`, {
        method: "POST",
        headers,
        body
      })
      const { task_id: id } = (await executed.json()) as { task_id: string }
      const second = await start(env, server)
      expect(await second.exited).toBe(1)
      expect(second.printed()).toContain(`is in use by the process ${first.child.pid}`)
      first.child.kill("SIGKILL")
      await first.exited
      const third = await start(env, server)
      const found = await fetch(`${at(third.printed())}/pipelines/result/${id}`)
      expect(await found.json()).toMatchObject({ task_id: id, status: "COMPLETED" })
      third.child.kill("SIGTERM")
      expect(await third.exited).toBe(0)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it.each(["node", "bun", "deno"])(
    "RUNTIME=%s goes on after Ctrl+C and after kill -9, and a second one is refused",
    async (RUNTIME) => {
      const folder = await mkdtemp(join(tmpdir(), "levada-start-"))
      const file = join(folder, "new", "levada.db")
      const env = { RUNTIME, LEVADA_STORE: `sqlite:${file}`, PORT: "0" }
      const command: readonly [string, string, RegExp] = ["node", "examples/start.ts", /Runs are kept.*\n/]
      const at = (printed: string): string => /listening on (\S+)/.exec(printed)![1]!
      const execute = async (url: string, delay?: number): Promise<string> => {
        const started = await fetch(`${url}/pipelines/my_pipeline/execute`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ parameters: { data: "x" }, ...(delay === undefined ? { wait: true } : { delay }) })
        })
        return ((await started.json()) as { task_id: string }).task_id
      }
      const statusOf = async (url: string, id: string): Promise<string> =>
        ((await (await fetch(`${url}/runs/${id}`)).json()) as { status: string }).status
      try {
        const first = await start(env, command)
        expect(first.printed()).toContain(`Runs are kept in the file ${file}: after a restart they go on.`)
        const url = at(first.printed())
        const [done, waiting] = [await execute(url), await execute(url, 3_600)]
        const second = await start(env, command)
        expect(await second.exited).toBe(1)
        expect(second.printed()).toMatch(/^Cannot start: The file .* is in use by the process \d+\. One process.*\n$/)
        // A terminal sends Ctrl+C to both processes; here only one gets it.
        first.child.kill("SIGTERM")
        expect(await first.exited).toBe(0)
        const third = await start(env, command)
        expect(await statusOf(at(third.printed()), done)).toBe("COMPLETED")
        expect(await statusOf(at(third.printed()), waiting)).toBe("PENDING")
        third.child.kill("SIGKILL")
        await third.exited
        // Its server ends with it, in order, and then the file is free.
        await vi.waitFor(async () => {
          const fourth = await start(env, command)
          expect(fourth.printed()).toContain("Runs are kept in the file")
          expect(await statusOf(at(fourth.printed()), waiting)).toBe("PENDING")
          fourth.child.kill("SIGTERM")
          expect(await fourth.exited).toBe(0)
        }, 15_000)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    }
  )

  it("takes LEVADA_STORE before REDIS_URL, and says where runs are kept", async () => {
    const server = await start({ LEVADA_STORE: "memory", REDIS_URL: "redis://127.0.0.1:1", PORT: "0" }, [
      "node",
      "examples/start.ts",
      /Runs are kept.*\n/
    ])
    expect(server.printed()).toContain("Runs are kept in memory: they end with this program.")
    server.child.kill("SIGTERM")
    expect(await server.exited).toBe(0)
  })

  it.each(["node", "bun", "deno"])("RUNTIME=%s reports clearly that the port is taken", async (runtime) => {
    const other = createServer().listen(0, "127.0.0.1")
    await once(other, "listening")
    const { port } = other.address() as { port: number }
    const server = await start({ RUNTIME: runtime, PORT: String(port) })
    expect(await server.exited).toBe(1)
    expect(server.printed()).toBe(
      `Cannot listen: port ${port} of 127.0.0.1 is taken. Stop what runs there, or choose another: PORT=${port + 1} npm start\n`
    )
    other.close()
  })

  it.each([
    [{ RUNTIME: "php" }, "Cannot start: RUNTIME has to be one of node, bun, deno, received 'php'"],
    ...["", "sqlite", "sqlite:", "postgres://localhost", "redis"].map(
      (LEVADA_STORE) =>
        [
          { LEVADA_STORE },
          "Cannot start: LEVADA_STORE: expected 'memory', 'sqlite:' and the path of a file, or the URL of a Redis, such as 'redis://localhost:6379'\n"
        ] as const
    ),
    [{ LEVADA_STORE: "sqlite:/" }, "Cannot start: '/' is a folder. Name a file in it\n"],
    [{ PORT: "http" }, "Cannot listen: PORT has to be 0 to 65535, received 'http'"],
    [{ PORT: "70000" }, "Cannot listen: PORT has to be 0 to 65535, received '70000'"]
  ] as ReadonlyArray<readonly [Readonly<Record<string, string>>, string]>)("%o is refused", async (env, message) => {
    const server = await start(env)
    expect(await server.exited).toBe(1)
    expect(server.printed()).toContain(message)
  })
})

describe("login", () => {
  it("issues a token that the API accepts, by the commands that it prints", async () => {
    const source = await readFile(join(root, "examples", "login.ts"), "utf8")
    const [login, read, execute] = Array.from(source.matchAll(/^ \* (curl .*)$/gm), ([, line]) => line!)
    const server = await start({ PORT: "0" }, ["bun", "examples/login.ts", /login\n/])
    try {
      const url = /http:\S+(?=\/login)/.exec(server.printed())?.[0]
      const asked = async (line: string, TOKEN = "") => {
        const command = `${line.replace("http://127.0.0.1:8000", url!)} -sS`
        return JSON.parse((await run("bash", ["-c", command], { env: { ...process.env, TOKEN } })).stdout)
      }
      const [ada, bob, stranger] = await Promise.all([
        asked(login!),
        asked(login!.replace("ada", "bob").replace("lovelace", "builder")),
        asked(login!.replace("lovelace", "builder"))
      ])
      expect([ada.expires_in, bob.expires_in, stranger.error]).toEqual([300, 300, "LoginError"])
      expect(await asked(read!, bob.token)).toHaveLength(3)
      expect(await asked(execute!, ada.token)).toMatchObject({ result: { processed: "INPUT_VALUE" } })
      expect((await asked(execute!, bob.token)).error).toBe("AccessDeniedError")
      expect((await asked(read!)).error).toBe("UnauthenticatedError")
      expect((await asked(read!, `${ada.token}x`)).error).toBe("UnauthenticatedError")
      expect(server.printed()).toContain("ada: POST /flows/pipelines/my_pipeline/execute 200")
      expect(server.printed()).not.toContain(ada.token)
    } finally {
      server.child.kill("SIGTERM")
    }
    expect(await server.exited).toBe(0)
  })
})
