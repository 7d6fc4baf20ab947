/** Errors that belong to no task are handled as without Levada, tested in separate processes. */
import { execFile } from "node:child_process"
import { describe, expect, it } from "vitest"

interface Ended {
  readonly code: number
  readonly said: ReadonlyArray<string>
  readonly complaint: string
}

const RUNTIMES = {
  node: ["node"],
  bun: ["node_modules/.bin/bun"],
  deno: ["node_modules/.bin/deno", "run", "-A"]
} as const

const run = (runtime: keyof typeof RUNTIMES, ...args: ReadonlyArray<string | undefined>): Promise<Ended> => {
  const [command, ...more] = RUNTIMES[runtime]
  const all = [...more, "test/leaks/program.ts", ...args.filter((each) => each !== undefined)]
  return new Promise((resolve) => {
    execFile(
      runtime === "node" ? process.execPath : command!,
      all,
      { env: { ...process.env, NO_COLOR: "1" } },
      (error, stdout, stderr) =>
        resolve({
          code: error === null ? 0 : Number(error.code),
          said: stdout.split("\n").filter((line) => /^(?:failed|went on|un)/.test(line)),
          complaint: stderr
        })
    )
  })
}

/** Runtimes differ in how they report the end of a process. */
const shown = ({ code, said, complaint }: Ended): unknown => ({ code, said, isTold: complaint.includes("leaked") })

describe.each(Object.keys(RUNTIMES) as Array<keyof typeof RUNTIMES>)("in %s", (runtime) => {
  it.each([
    ["timer", undefined],
    ["rejection", undefined],
    ["timer", "handlers"],
    ["rejection", "handlers"]
  ] as const)("a %s outside of every task is handled as without Levada (%s)", async (how, handlers) => {
    const without = await run(runtime, "none", "outside", how, handlers)
    if (handlers === undefined) expect(shown(without)).toMatchObject({ code: 1, isTold: true })
    else {
      const handled = how === "timer" ? "uncaughtException: leaked" : "unhandledRejection: leaked"
      expect(shown(without)).toEqual({ code: 0, said: [handled, "went on"], isTold: false })
    }
    for (const levadaIs of ["open", "closed", "serving"]) {
      expect(shown(await run(runtime, levadaIs, "outside", how, handlers)), levadaIs).toEqual(shown(without))
    }
  })

  // The ways that each runtime can attribute: see `adapters/leaks`.
  const told = { node: ["timer", "rejection"], deno: ["rejection"], bun: ["timer"] }[runtime]
  it.each(told.flatMap((how) => [[how, undefined] as const, [how, "handlers"] as const]))(
    "a %s within a task fails its attempt, and reaches no handler of the program (%s)",
    async (how, handlers) => {
      const { code, said } = await run(runtime, "open", "task", how, handlers)
      // Bun calls all listeners.
      const reached = runtime === "bun" && handlers !== undefined ? [`uncaughtException: leaked`] : []
      expect({ code, said }).toEqual({ code: 0, said: [...reached, "failed: TaskLeaked", "went on"] })
    }
  )
})
