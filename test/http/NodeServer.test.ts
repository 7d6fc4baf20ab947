import { http } from "../conformance/http/HttpConformance.ts"
import { secured } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

http("node:http", () => launch("node", "node"), { hasOperations: true })
secured("node:http", "node", "node")
