/**
 * Tests pipelines on virtual time, with replaced tasks and with injected failures and delays.
 *
 * @example
 * ```ts
 * import { Testing } from "levada/testing"
 *
 * const testing = await Testing.make({ pipelines: [report], fail: { fetch: 2 } })
 * const { status, story } = await testing.run(report, { url: "https://example.org" })
 * await testing.close()
 * ```
 * @module
 */
export * as Testing from "./Testing.ts"
