#!/usr/bin/env node
/** The command that makes an API key: prints it once, and the entry for the configuration, which holds only its hash. */
import { parseArgs } from "node:util"
import { PERMISSIONS } from "../../core/values/Principal.ts"
import * as ApiKeys from "./ApiKeys.ts"

const USAGE = `Makes an API key.

  levada-key --role viewer [--permissions read,execute] [--pipelines 'reports_*,audio'] [--id ci] [--expires 2027-01-31T00:00:00Z]

  --role          what ACLs know it by
  --permissions   of ${PERMISSIONS.join(", ")}; default: read
  --pipelines     ids of pipelines, '*' for any characters; default: *
  --id            names it in limits and the audit log
  --expires       from when on it is no longer one`

const options = {
  role: { type: "string" },
  permissions: { type: "string", default: "read" },
  pipelines: { type: "string", default: "*" },
  id: { type: "string" },
  expires: { type: "string" },
  help: { type: "boolean", default: false }
} as const

try {
  const { values } = parseArgs({ options })
  if (values.help || values.role === undefined) {
    console.log(USAGE)
    process.exit(values.help ? 0 : 1)
  }
  const { key, hashed } = ApiKeys.generate()
  const { role, id, expires } = values
  const entry = {
    role,
    pipelines: values.pipelines.split(","),
    permissions: values.permissions.split(",") as Array<ApiKeys.ApiKey["permissions"][number]>,
    ...(id !== undefined && { id }),
    ...(expires !== undefined && { expires })
  }
  // Says what is wrong with it, if anything is.
  ApiKeys.make({ [hashed]: entry })
  console.log(`The key; it is not shown again:\n\n  ${key}\n`)
  console.log(
    `For LEVADA_API_KEYS or ApiKeys.make, where only its hash is kept:\n\n  ${JSON.stringify({ [hashed]: entry })}`
  )
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  process.exit(1)
}
