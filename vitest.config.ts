import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Tests that start servers, other runtimes or tools, and tests whose result is the same on every runtime. */
const IN_NODE_ONLY = [
  "test/http/**",
  "test/redis/**",
  "test/chaos/**",
  "test/package/**",
  "test/dashboard/**",
  "test/docs/**",
  "test/dashboard/**",
  "test/threads/Processes.test.ts",
  "test/leaks/Processes.test.ts",
  "test/types/**",
  "test/progress/Terminal.test.ts",
  "test/*.test.ts",
  "examples/*.test.ts",
  // The same suite as in RedisStore.test.ts, with a blob store.
  "test/conformance/store/RedisBlobs.test.ts"
]

/** The longest tests. They start first, so that the run does not end by waiting for one of them. */
const LONG =
  /\/(?:Chaos|Kills|PowerLoss|Pages|Engine|Live|Mounting|Hostile|Tarball|Processes|\w*Shutdown|RedisModel|ScriptFailures\w*|Publish|Code|Site)\.test\.ts$/

class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

/**
 * `vitest run` runs everything in Node. `--mode bun` and `--mode deno` name the other runtime that this vitest
 * was started in; there, only tests within one process run.
 */
export default defineConfig(({ mode }) => {
  const runtime = mode === "bun" || mode === "deno" ? mode : "node"
  return {
    test: {
      include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
      globalSetup: "test/redis/server.ts",
      exclude: runtime === "node" ? [] : IN_NODE_ONLY,
      // Child processes of Bun lack a method that vitest calls, and so do threads of Deno.
      pool: runtime === "bun" ? "threads" : "forks",
      // The default for two cores is one, but most of these tests wait, for other processes or for time.
      maxWorkers: 2,
      // On Node some files replace clocks and timers. On other runtimes none does, and the imports of each file take a
      // second.
      isolate: runtime === "node",
      testTimeout: 20_000,
      // Two cores may be busy with other files.
      expect: { poll: { timeout: 15_000 } },
      hookTimeout: 60_000,
      allowOnly: false,
      sequence: { sequencer: LongestFirst },
      env: { TEST_RUNTIME: runtime },
      reporters: ["default", ["json", { outputFile: `.vitest/${runtime}.json` }]]
    }
  }
})
