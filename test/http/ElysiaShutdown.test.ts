import { shutdown } from "../conformance/http/ShutdownSuite.ts"

shutdown("Elysia on Node", "node", "elysia")
shutdown("Elysia on Bun", "bun", "elysia")
shutdown("Elysia on Deno", "deno", "elysia")
