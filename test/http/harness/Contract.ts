/**
 * The contract for every route, written by hand: the permission it needs, for which object, and a request that succeeds
 * with it. Nothing in here is read from the routes themselves.
 */
import { expect } from "vitest"
import { ask, type Json, newName, type Server } from "./Client.ts"

/** A permission; or `any` for every authenticated caller, and `none` for everybody. */
export type Need = "none" | "any" | "read" | "execute" | "admin"

/** The pipeline, run and schedule that a request is about. */
export interface Target {
  readonly pipeline: string
  readonly run: string
  readonly schedule: string
}

/** A row of the contract. */
export interface Row {
  readonly need: Need
  /**
   * What the permission has to cover: the pipeline named in path or body; the pipeline that owns the object in the
   * path; any pipeline, for a list that is then filtered; or all pipelines.
   */
  readonly over: "pipeline" | "run" | "schedule" | "any" | "all"
  /** The status with that permission. */
  readonly success: number
  readonly query?: string
  readonly body?: (target: Target) => Json
  /** Creates what the request uses up. */
  readonly fresh?: (by: ObjectFactory) => Promise<Partial<Target>>
  /** The object that it creates under the name in its path: the name is free before. */
  readonly creates?: "pipeline"
  /** Whether it refuses every narrowed token. */
  readonly isForPrincipals?: boolean
}

/** Creates objects, with a principal that may. */
export class ObjectFactory {
  readonly server: Server
  readonly #headers: Readonly<Record<string, string>>
  readonly #spare: Array<string>
  #idle: Promise<string> | undefined

  constructor(server: Server, headers: Readonly<Record<string, string>>, spare: ReadonlyArray<string>) {
    this.server = server
    this.#headers = headers
    this.#spare = [...spare]
  }

  /** The id of an unused pipeline. */
  spare(): string {
    return this.#spare.pop()!
  }

  async post(path: string, json: Json, status: number): Promise<Json> {
    const answer = await ask(this.server, "POST", path, { json, headers: this.#headers })
    expect(answer.status, answer.text).toBe(status)
    return answer.json
  }

  async pipeline(id = this.spare()): Promise<string> {
    await this.post(`/pipelines/${id}`, DEFINITION, 201)
    return id
  }

  /** A pipeline without runs, so that it may be paused. */
  idle(): Promise<string> {
    this.#idle ??= this.pipeline()
    return this.#idle
  }

  async run(pipeline: string): Promise<string> {
    return (await this.post(`/pipelines/${pipeline}/execute`, { ...EXECUTION, wait: true }, 200)).task_id
  }

  async schedule(pipeline: string): Promise<string> {
    return (await this.post("/schedules", { ...SCHEDULE, id: newName(), pipeline_id: pipeline }, 201)).id
  }
}

const DEFINITION = { pipeline_type: "dataflow", tasks: ["process"] }
const EXECUTION = { parameters: { data: "x" } }
const SCHEDULE = { every: 86_400, parameters: { data: "x" } }

/** The body for `PUT /pipelines/{pipeline_id}/acl`. The ACL that it sets has to equal the existing one. */
let acl: Json
export const aclIs = (value: Json): void => {
  acl = value
}

const reads = (over: Row["over"]): Row => ({ need: "read", over, success: 200 })
const administers = (over: Row["over"], success = 200, more: Partial<Row> = {}): Row => ({
  need: "admin",
  over,
  success,
  ...more
})

const idle = async (by: ObjectFactory): Promise<Partial<Target>> => ({ pipeline: await by.idle() })

/** The contract, by method and path. */
export const contract: Readonly<Record<string, Row>> = {
  "GET /health": { need: "none", over: "any", success: 200 },
  "GET /health/live": { need: "none", over: "any", success: 200 },
  "GET /health/ready": { need: "none", over: "any", success: 200 },
  "GET /metrics": { need: "none", over: "any", success: 200 },
  "GET /openapi.json": { need: "none", over: "any", success: 200 },
  "GET /docs": { need: "none", over: "any", success: 200 },
  "GET /docs/{file}": { need: "none", over: "any", success: 200 },
  "GET /redoc": { need: "none", over: "any", success: 200 },
  "GET /redoc/{file}": { need: "none", over: "any", success: 200 },
  "GET /dashboard": { need: "none", over: "any", success: 200 },
  "GET /dashboard/{file}": { need: "none", over: "any", success: 200 },
  "GET /": { need: "none", over: "any", success: 200 },
  "GET /pipelines": reads("any"),
  "GET /pipelines/{pipeline_id}": reads("pipeline"),
  "POST /pipelines/{pipeline_id}": administers("pipeline", 201, {
    creates: "pipeline",
    body: () => DEFINITION,
    fresh: async (by) => ({ pipeline: by.spare() })
  }),
  "DELETE /pipelines/{pipeline_id}": administers("pipeline", 204, {
    fresh: async (by) => ({ pipeline: await by.pipeline() })
  }),
  "GET /pipelines/{pipeline_id}/status": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/statistics": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/statistics/series": reads("pipeline"),
  "GET /statistics/series": reads("any"),
  "GET /pipelines/{pipeline_id}/dag": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/dag/dot": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/dag/svg": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/dag/layout": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/dag/cytoscape": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/dag/mermaid": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/dag/ascii": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/dag/critical-path": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/visualize": reads("pipeline"),
  "GET /pipelines/{pipeline_id}/events": reads("pipeline"),
  "POST /pipelines/{pipeline_id}/pause": administers("pipeline", 200, { fresh: idle }),
  "POST /pipelines/{pipeline_id}/resume": administers("pipeline", 200, { fresh: idle }),
  "POST /pipelines/{pipeline_id}/execute": { need: "execute", over: "pipeline", success: 202, body: () => EXECUTION },
  "GET /pipelines/result/{task_id}": reads("run"),
  "GET /runs": reads("any"),
  "GET /runs/{task_id}": reads("run"),
  "GET /runs/{task_id}/values/{name}": reads("run"),
  "GET /runs/{task_id}/steps/{step}/items": reads("run"),
  "GET /runs/{task_id}/steps/{step}/attempts": reads("run"),
  "GET /runs/{task_id}/retry": { ...reads("run"), query: "?from=process" },
  "GET /runs/{task_id}/logs": reads("run"),
  "GET /runs/{task_id}/events": reads("run"),
  "GET /events": reads("any"),
  "GET /workers": reads("any"),
  // A client may authenticate after it has connected; without a WebSocket, the route does not exist.
  "GET /ws": { need: "none", over: "any", success: 426 },
  "POST /runs/{task_id}/cancel": { need: "execute", over: "run", success: 202, body: () => ({ reason: "no more" }) },
  "POST /runs/{task_id}/retry": {
    need: "execute",
    over: "run",
    success: 202,
    body: () => ({ from: ["process"] })
  },
  "POST /runs/cancel": {
    need: "execute",
    over: "any",
    success: 202,
    body: ({ run }) => ({ task_ids: [run], reason: "no more" })
  },
  "POST /runs/retry": {
    need: "execute",
    over: "any",
    success: 202,
    body: () => ({ filter: { error: "no run has this error" } })
  },
  "DELETE /runs/{task_id}": administers("run", 204, {
    fresh: async (by) => ({ run: await by.run("flow_00") })
  }),
  "GET /schedules": reads("any"),
  "POST /schedules": administers("pipeline", 201, {
    body: ({ pipeline }) => ({ ...SCHEDULE, id: `${pipeline}:asked_for`, pipeline_id: pipeline })
  }),
  "GET /schedules/{schedule_id}": reads("schedule"),
  "DELETE /schedules/{schedule_id}": administers("schedule", 204, {
    fresh: async (by) => ({ schedule: await by.schedule("flow_00") })
  }),
  "POST /schedules/{schedule_id}/pause": administers("schedule"),
  "POST /schedules/{schedule_id}/resume": administers("schedule"),
  "GET /me": { need: "any", over: "any", success: 200 },
  "GET /listeners": administers("all"),
  "GET /pipelines/{pipeline_id}/acl": administers("pipeline"),
  "PUT /pipelines/{pipeline_id}/acl": administers("pipeline", 200, { body: () => acl }),
  "DELETE /pipelines/{pipeline_id}/acl": administers("pipeline"),
  "POST /tokens": {
    need: "read",
    over: "pipeline",
    success: 201,
    body: ({ pipeline }) => ({ pipeline_id: pipeline, expires_in: 60 }),
    isForPrincipals: true
  },
  "GET /audit": administers("all"),
  "GET /audit/lines": administers("all")
}

/** The path of a row for a target. */
export const pathFor = (path: string, { pipeline, run, schedule }: Target): string =>
  path
    .replace("{pipeline_id}", encodeURIComponent(pipeline))
    .replace("{task_id}", encodeURIComponent(run))
    .replace("/dashboard/{file}", "/dashboard/app.js")
    .replace("{file}", "start.js")
    .replace("{name}", "data")
    .replace("{step}", "process")
    .replace("{schedule_id}", encodeURIComponent(schedule))
