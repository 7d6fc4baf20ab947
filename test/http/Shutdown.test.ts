import { shutdown } from "../conformance/http/ShutdownSuite.ts"

shutdown("node:http", "node", "node")
shutdown("Bun.serve", "bun", "bun")
shutdown("Deno.serve", "deno", "deno")
