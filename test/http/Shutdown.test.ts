import { shutdownSuite } from "../conformance/http/ShutdownSuite.ts"

shutdownSuite("node:http", "node", "node")
shutdownSuite("Bun.serve", "bun", "bun")
shutdownSuite("Deno.serve", "deno", "deno")
