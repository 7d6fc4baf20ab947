import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { securedSuite } from "../conformance/http/SecuredSuite.ts"
import { launch } from "./harness/launch.ts"

httpConformance("node:http", () => launch("node", "node"), { hasOperations: true })
securedSuite("node:http", "node", "node")
