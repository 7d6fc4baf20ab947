import { defineConfig } from "tsup"

export default defineConfig({
  // One entry for each subpath of package.json; what two of them need becomes a shared chunk.
  entry: {
    index: "adapters/promise/index.ts",
    core: "core/index.ts",
    http: "adapters/http/index.ts",
    client: "adapters/client/index.ts",
    node: "adapters/node/index.ts",
    bun: "adapters/bun/index.ts",
    deno: "adapters/deno/index.ts",
    elysia: "adapters/elysia/index.ts",
    dagre: "adapters/dagre/index.ts",
    dashboard: "adapters/dashboard/index.ts",
    progress: "adapters/progress/index.ts",
    redis: "adapters/redis/index.ts",
    sqlite: "adapters/sqlite/index.ts",
    jwt: "adapters/jwt/index.ts",
    keys: "adapters/keys/index.ts",
    leaks: "adapters/leaks/index.ts",
    settings: "adapters/settings/index.ts",
    key: "adapters/keys/key.ts",
    testing: "adapters/testing/index.ts",
    threads: "adapters/threads/index.ts"
  },
  format: "esm",
  target: "es2023",
  platform: "neutral",
  // Deno knows `node:http`, not `http`.
  removeNodeProtocol: false,
  // No outside library is bundled, whether package.json names it or not.
  external: [/^[^./]/],
  // The declarations come from tsc, one for each source: in bundled ones TypeScript can't name what is inside
  // `Pipeline` or `Levada`, so a program that emits declarations could not export a pipeline.
  dts: false,
  sourcemap: true,
  clean: true,
  esbuildOptions: (options) => {
    // The sources are in the package, so the maps only point at them.
    options.sourcesContent = false
  }
})
