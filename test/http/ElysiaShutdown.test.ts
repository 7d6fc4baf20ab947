import { shutdownSuite } from "../conformance/http/ShutdownSuite.ts"

shutdownSuite("Elysia on Node", "node", "elysia")
shutdownSuite("Elysia on Bun", "bun", "elysia")
shutdownSuite("Elysia on Deno", "deno", "elysia")
