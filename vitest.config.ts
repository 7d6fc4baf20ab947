import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** What starts servers, other runtimes or tools, which Node does for all, and what says nothing new elsewhere. */
const IN_NODE_ONLY = [
  "test/http/**",
  "test/redis/**",
  "test/chaos/**",
  "test/package/**",
  "test/docs/**",
  "test/threads/Processes.test.ts",
  "test/leaks/Processes.test.ts",
  "test/types/**",
  "test/*.test.ts",
  "examples/*.test.ts",
  // The same suite as in RedisStore.test.ts, with values elsewhere.
  "test/conformance/store/RedisBlobs.test.ts"
]

/** What takes longest: begun last, it would be waited for by everything else. */
const LONG = /\/(?:Chaos|Pages|Engine|Tarball|Processes|\w*Shutdown|RedisModel|Publish|Code|Site)\.test\.ts$/

class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

/**
 * `vitest run` runs everything in Node. `--mode bun` and `--mode deno` say in which other runtime this vitest was
 * started; there only what stays in one process is run.
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
      // On two cores it would take one: most of these tests wait, for other processes or for time.
      maxWorkers: 2,
      // In Node some files put clocks and timers of their own in the place of the real ones. Elsewhere none does, and what
      // each of them imports takes a second.
      isolate: runtime === "node",
      testTimeout: 20_000,
      hookTimeout: 60_000,
      allowOnly: false,
      sequence: { sequencer: LongestFirst },
      env: { TEST_RUNTIME: runtime },
      reporters: ["default", ["json", { outputFile: `.vitest/${runtime}.json` }]]
    }
  }
})
