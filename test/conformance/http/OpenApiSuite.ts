/** The server's own description of itself: valid, complete, and true of whatever is sent to any of its routes. */
import { parse } from "@readme/openapi-parser"
import { Validator } from "@seriousme/openapi-schema-validator"
import { Ajv2020 } from "ajv/dist/2020.js"
import fc from "fast-check"
import { beforeAll, expect, test } from "vitest"
import { routes } from "../../../adapters/http/index.ts"
import { ask, execute, get, type Json, post, type Server, textOf } from "../../http/harness/Client.ts"
import { anyJson, matching } from "../../http/harness/SchemaSamples.ts"

/** How often each operation is asked. */
const TIMES = 12

/** The longest wait that is asked for, in seconds. */
const WAIT_SECONDS = 0.05

/** Errors of the server that a route may well answer with. */
const OUR_FAULT = /^5/

/** Both opinions about a document. */
export const expectValid = async (document: Json): Promise<void> => {
  // Both write into what they are given.
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  expect([valid, errors]).toEqual([true, undefined])
  await parse(structuredClone(document))
}

const refer = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

/** Says whether a value is what a place in a document says. */
export const judge = (document: Json): ((pointer: ReadonlyArray<string>, value: unknown) => string) => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).addSchema(document, "api")
  return (pointer, value) => {
    const place = pointer.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")
    const validate = ajv.getSchema(`api#/${place}`)
    if (validate === undefined) throw new Error(`There is no schema at ${place}`)
    return validate(value) === true ? "" : ajv.errorsText(validate.errors ?? [])
  }
}

export const documenting = (server: Server): void => {
  let document: Json
  let fits: ReturnType<typeof judge>
  beforeAll(async () => {
    document = (await get(server, "/openapi.json")).json
    fits = judge(document)
  })

  test("the document is valid, by two validators", () => expectValid(document))

  test("it lists every route, each pipeline's own execute, and nothing else", async () => {
    const listed = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
    )
    const { json: rows } = await get(server, "/pipelines")
    const own = rows.map((row: Json) => `POST /pipelines/${encodeURIComponent(row.pipeline_id)}/execute`)
    expect(listed.sort()).toEqual([...routes.map(({ key }) => key), ...own].sort())
    const ids = Object.values<Json>(document.paths).flatMap((methods) =>
      Object.values<Json>(methods).map(({ operationId }) => operationId)
    )
    expect(new Set(ids).size).toBe(ids.length)
    expect("security" in document).toBe(false)
  })

  test("its paths begin where it was asked for", async () => {
    const base = new URL(server.url).pathname.replace(/\/$/, "")
    expect(document.servers).toEqual([{ url: base === "" ? "/" : base }])
    expect((await get(server, "/api/v1/openapi.json")).json.servers).toEqual([{ url: `${base}/api/v1` }])
  })

  test("a pipeline's parameters and its result are described by name", async () => {
    const { post: operation } = document.paths["/pipelines/my_pipeline/execute"]
    const { required, content } = operation.requestBody
    expect([required, content["application/json"].schema]).toEqual([true, refer("my_pipeline.execution")])
    expect(document.components.schemas["my_pipeline.execution"]).toMatchObject({
      properties: { parameters: refer("my_pipeline.parameters") },
      required: ["parameters"]
    })
    expect(document.components.schemas["my_pipeline.parameters"]).toMatchObject({ required: ["data"] })
    const schemas = (name: string) => ["components", "schemas", `my_pipeline.${name}`]
    expect(fits(schemas("parameters"), { data: "x" })).toBe("")
    expect(fits(schemas("parameters"), { data: 1 })).toContain("must be string")
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    expect(fits(schemas("result"), json.result)).toBe("")
    expect(fits(schemas("result"), { processed: 1 })).toContain("must be string")
  })

  test("every object that is sent or answered has a name, so that generated clients have types of these names", () => {
    const shapes = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
      Object.entries<Json>(methods).flatMap(([method, { requestBody, responses }]) =>
        [requestBody, ...Object.values<Json>(responses)].flatMap((of) =>
          Object.values<Json>(of?.content ?? {}).map(
            ({ schema }) => [`${method} ${path}`, schema.items ?? schema] as const
          )
        )
      )
    )
    const unnamed = shapes.filter(([, schema]) => schema.properties !== undefined || schema.anyOf !== undefined)
    expect(unnamed).toEqual([])
    expect(document.components.schemas).toHaveProperty("PipelineStatus.properties.steps_completed")
    expect(document.paths["/tokens"].post.requestBody).toEqual({
      required: true,
      content: { "application/json": { schema: refer("TokenWish") } }
    })
  })

  test("alternatives and bounds are said by schemas, as the server has them", async () => {
    const { json: started } = await execute(server, "my_pipeline", { data: "x" })
    const wishes: ReadonlyArray<readonly [string, string, Json]> = [
      ["POST", "/tokens", {}],
      ["POST", "/tokens", { pipeline_id: "my_pipeline", task_id: started.task_id }],
      ["POST", "/schedules", { pipeline_id: "my_pipeline" }],
      ["POST", "/schedules", { pipeline_id: "my_pipeline", cron: "0 0 1 1 *", every: 3_600 }],
      ["POST", "/schedules", { pipeline_id: "my_pipeline", every: 0.5 }],
      ["POST", "/schedules", { pipeline_id: "my_pipeline", every: 3_600, time_zone: "UTC" }],
      ["POST", "/schedules", { pipeline_id: "my_pipeline", every: 3_600, catch_up: "all" }],
      ["POST", "/pipelines/{pipeline_id}/execute", { targets: [] }],
      ["POST", "/pipelines/{pipeline_id}/execute", { priority: 101 }],
      ["POST", "/pipelines/{pipeline_id}/execute", { timeout: 86_401 }],
      ["PUT", "/pipelines/{pipeline_id}/acl", { admin: null }]
    ]
    for (const [method, path, body] of wishes) {
      const place = ["paths", path, method.toLowerCase(), "requestBody", "content", "application/json", "schema"]
      expect(fits(place, body), `${path} ${JSON.stringify(body)}`).not.toBe("")
      const { status, json } = await ask(server, method, path.replace("{pipeline_id}", "my_pipeline"), { json: body })
      expect([status, json.error]).toEqual([400, "BodyInvalidError"])
    }
    const queries = ["/pipelines/my_pipeline/statistics?window=0.5", "/runs?since=yesterday", "/runs?limit=201"]
    queries.push("/runs?cursor=%20", "/events?types=x", `/runs/${started.task_id}/events?after=-1`)
    for (const query of queries) expect([query, (await get(server, query)).status]).toEqual([query, 400])
    // What a stronger wish overrules has to be fine too.
    const overruled = "/pipelines/my_pipeline/execute?wait=maybe&timeout=-1"
    const { status, json } = await post(server, overruled, { wait: false, timeout: 1, parameters: { data: "x" } })
    expect([status, json.details?.map(({ path }: Json) => path)]).toEqual([400, ["wait", "timeout"]])
  })

  const operations = routes.map(({ method, path }) => [`${method} ${path}`, method.toLowerCase(), path] as const)

  test.for(operations)("%s answers nothing but what is documented, whatever it is sent", async ([, method, path]) => {
    const operation = document.paths[path][method]
    const { json: started } = await post(server, "/pipelines/my_pipeline/execute", { parameters: { data: "x" } })
    // Dots alone would be another path.
    const names = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("my_pipeline", started.task_id) },
      {
        weight: 1,
        arbitrary: fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }).filter((name) => !/^\.+$/.test(name))
      },
      { weight: 1, arbitrary: fc.constantFrom("no_parameters", "__proto__", "%", "..%2f", "nowhere", "a b", "'\"<>") }
    )
    const resolve = (schema: Json): Json =>
      schema.$ref === undefined
        ? schema
        : schema.$ref
            .slice(2)
            .split("/")
            .reduce((inner: Json, part: string) => inner[part], document)
    const { schema } = operation.requestBody?.content["application/json"] ?? {}
    const sendings = fc.record({
      path: fc.record(Object.fromEntries(Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => [name!, names]))),
      query: fc.record(
        Object.fromEntries(
          operation.parameters
            .filter((parameter: Json) => parameter.in === "query")
            .map(({ name, schema }: Json) => [
              name,
              fc.oneof(matching(schema, resolve), fc.string({ maxLength: 10, unit: "grapheme" }))
            ])
        ),
        { requiredKeys: [] }
      ),
      headers: fc.record(
        Object.fromEntries(
          operation.parameters
            .filter((parameter: Json) => parameter.in === "header")
            .map(({ name }: Json) => [name, fc.string({ minLength: 1, maxLength: 10 })])
        ),
        { requiredKeys: [] }
      ),
      body:
        schema === undefined
          ? fc.constant(undefined)
          : fc.oneof(
              { weight: 3, arbitrary: matching(schema, resolve).map(brief) },
              { weight: 2, arbitrary: anyJson.map(brief) }
            )
    })
    await fc.assert(
      fc.asyncProperty(sendings, async (sending) => {
        const query = new URLSearchParams(
          Object.entries(brief(sending.query) as Json).map(([name, value]) => [name, String(value)])
        )
        const url = `${path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(sending.path[name])))}?${query}`
        const answer = await answered(server, method.toUpperCase(), url, sending.headers as Json, sending.body)
        const shown = `${answer.status} ${answer.text.slice(0, 300)}`
        const documented = operation.responses[answer.status]
        expect(documented, shown).toBeDefined()
        // That somebody does not answer in time is nothing that was broken.
        if (OUR_FAULT.test(String(answer.status))) expect([500, 504], shown).toContain(answer.status)
        if (answer.status === 500) expect(answer.json.error, shown).toBe("PipelineExecutionError")
        const types = Object.keys(documented.content ?? {})
        const [type] = (answer.type ?? "").split(";")
        if (types.length === 0) expect([answer.text, answer.type]).toEqual(["", null])
        else if (types[0]!.endsWith("/*")) expect(type).toContain(types[0]!.slice(0, -1))
        else expect(types).toContain(type)
        if (type !== "application/json") return
        const place = ["paths", path, method, "responses", String(answer.status), "content", type, "schema"]
        expect(fits(place, answer.json), shown).toBe("")
      }),
      { numRuns: TIMES }
    )
  })

  test("what was asked for at random is put away", async () => {
    for (const { id } of (await get(server, "/schedules")).json.schedules) {
      expect((await ask(server, "DELETE", `/schedules/${encodeURIComponent(id)}`)).status).toBe(204)
    }
  })

  test("the pages and their files come from here alone", async () => {
    for (const page of ["docs", "redoc"]) {
      const { headers, text } = await get(server, `/${page}`)
      expect(headers.get("content-type")).toBe("text/html; charset=utf-8")
      expect(headers.get("content-security-policy")).toContain("default-src 'none'")
      const files = Array.from(text.matchAll(/(?:src|href)="([^"]*)"/g), ([, file]) => file!)
      expect(files.length).toBeGreaterThan(1)
      for (const file of files) {
        expect(file).toMatch(new RegExp(`^${page}/[\\w.-]+$`))
        const found = await get(server, `/${file}`)
        expect([file, found.status]).toEqual([file, 200])
        const tag = found.headers.get("etag")
        if (tag === null) continue
        const again = await ask(server, "GET", `/${file}`, { headers: { "if-none-match": tag } })
        expect([file, again.status, again.text]).toEqual([file, 304, ""])
      }
      expect((await get(server, `/${page}/other.js`)).status).toBe(404)
    }
  })
}

/** Asks for no long wait, and for no schedule that is due while others are tested. */
const brief = (value: unknown): unknown =>
  typeof value !== "object" || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(
        Object.entries(value).map(([key, inner]) => {
          if (key === "timeout" && typeof inner === "number") return [key, Math.min(inner, WAIT_SECONDS)]
          if (key === "every" && typeof inner === "number" && inner >= 0) return [key, inner + 3_600]
          return [key, inner]
        })
      )

interface Answered {
  readonly status: number
  readonly type: string | null
  readonly text: string
  readonly json: Json
}

/** Events go on: of those, the beginning. */
const answered = async (
  server: Server,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: unknown
): Promise<Answered> => {
  if (body !== undefined) {
    const { status, headers: found, text, json } = await ask(server, method, path, { json: body, headers })
    return { status, type: found.get("content-type"), text, json }
  }
  const response = await fetch(server.url + path, { method, headers })
  const text = await textOf(response)
  const type = response.headers.get("content-type")
  return {
    status: response.status,
    type,
    text,
    json: type?.startsWith("application/json") ? JSON.parse(text) : undefined
  }
}
