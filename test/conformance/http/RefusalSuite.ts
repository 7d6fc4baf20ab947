/** Refused requests: their status and message, and that they had no effect. */
import { expect, test } from "vitest"
import {
  type Answer,
  ask,
  detailPaths,
  execute,
  get,
  newName,
  pathOf,
  post,
  register,
  type Server,
  statusOf
} from "../../http/harness/Client.ts"

const JSON_HEADERS = { "content-type": "application/json" }

const send = (server: Server, path: string, body: string | Uint8Array<ArrayBuffer>): Promise<Answer> =>
  ask(server, "POST", path, { body, headers: JSON_HEADERS })

const KNOWN: ReadonlyArray<readonly [method: string, path: string]> = [
  ["GET", "/health"],
  ["GET", "/health/live"],
  ["GET", "/health/ready"],
  ["GET", "/metrics"],
  ["GET", "/pipelines"],
  ["GET", "/pipelines/my_pipeline/status"],
  ["GET", "/pipelines/my_pipeline/statistics"],
  ["GET", "/pipelines/my_pipeline/dag"],
  ["GET", "/pipelines/my_pipeline/dag/dot"],
  ["GET", "/pipelines/my_pipeline/visualize"],
  ["GET", "/pipelines/my_pipeline/events"],
  ["GET", "/pipelines/result/some_id"],
  ["POST", "/pipelines/my_pipeline"],
  ["GET", "/pipelines/my_pipeline"],
  ["DELETE", "/pipelines/my_pipeline"],
  ["POST", "/pipelines/my_pipeline/execute"],
  ["POST", "/pipelines/my_pipeline/pause"],
  ["POST", "/pipelines/my_pipeline/resume"],
  ["GET", "/runs"],
  ["GET", "/runs/some_id"],
  ["DELETE", "/runs/some_id"],
  ["GET", "/runs/some_id/logs"],
  ["GET", "/runs/some_id/events"],
  ["GET", "/events"],
  ["GET", "/ws"],
  ["GET", "/openapi.json"],
  ["GET", "/docs"],
  ["GET", "/docs/start.js"],
  ["GET", "/redoc"],
  ["GET", "/redoc/start.js"],
  ["GET", "/dashboard"],
  ["GET", "/dashboard/app.js"],
  ["POST", "/runs/some_id/cancel"],
  ["POST", "/runs/some_id/retry"],
  ["GET", "/schedules"],
  ["POST", "/schedules"],
  ["GET", "/schedules/some_id"],
  ["DELETE", "/schedules/some_id"],
  ["POST", "/schedules/some_id/pause"],
  ["POST", "/schedules/some_id/resume"]
]

/** A text within nested arrays or objects. */
const deep = (depth: number): Readonly<Record<"array" | "object" | "body", string>> => {
  const array = "[".repeat(depth) + "]".repeat(depth)
  const object = `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`
  return { array, object, body: array }
}

export const refusalSuite = (server: Server): void => {
  test("an unknown pipeline is a 404 that names it, on every endpoint", async () => {
    for (const id of ["absent", "a/b/c", "🎧", "constructor.prototype", "__proto__", "hasOwnProperty", "undefine"]) {
      for (const path of ["/status", "/dag", "/dag/dot", "/visualize"]) {
        const { status, json } = await get(server, pathOf(id, path))
        expect([status, json.pipeline_id], path).toEqual([404, id])
      }
      const { status, json } = await execute(server, id, {})
      expect([status, json.pipeline_id]).toEqual([404, id])
    }
  })

  test("an unknown path is a 404", async () => {
    const paths = [
      "/absent",
      "/pipeline",
      "/Pipelines",
      "/healthz",
      "/pipelines/my_pipeline/dag/png",
      "/pipelines/a/b/c/d"
    ]
    for (const path of [...paths, "/pipelines/my_pipeline/absent", "/pipelines/result/id/more", "/api"]) {
      for (const method of ["GET", "POST", "OPTIONS"]) {
        expect((await ask(server, method, path)).status, `${method} ${path}`).toBe(404)
      }
    }
  })

  test("another method is a 405 that lists the allowed methods", async () => {
    for (const [method, path] of KNOWN) {
      for (const other of ["PUT", "PATCH"]) {
        for (const prefix of ["", "/api/v1"]) {
          const { status, headers } = await ask(server, other, prefix + path)
          expect(status, `${other} ${path}`).toBe(405)
          const allowed = (headers.get("allow") ?? "").split(/,\s*/)
          expect(allowed, path).toContain(method)
          expect(allowed, path).not.toContain(other)
          expect(allowed.includes("HEAD"), path).toBe(allowed.includes("GET"))
        }
      }
    }
    expect((await ask(server, "GET", "/pipelines/my_pipeline/execute")).status).toBe(405)
    expect((await ask(server, "HEAD", "/pipelines/my_pipeline/execute")).status).toBe(405)
    expect((await ask(server, "POST", "/health", { json: {} })).status).toBe(405)
    expect((await ask(server, "DELETE", "/health")).status).toBe(405)
  })

  test("OPTIONS lists the allowed methods", async () => {
    for (const [method, path] of KNOWN) {
      const { status, headers, text } = await ask(server, "OPTIONS", path)
      expect([200, 204], path).toContain(status)
      expect((headers.get("allow") ?? "").split(/,\s*/), path).toContain(method)
      expect(text).toBe("")
    }
  })

  test("all problems with the parameters are reported together, with their paths, and nothing starts", async () => {
    const id = await register(server, ["gather"])
    const answer = await post(server, pathOf(id, "/execute"), {
      parameters: {
        count: "seven",
        flag: 1,
        nested: { inner: { deep: "no" }, label: null },
        list: [1, "two", 3, null],
        note: 5,
        extra: true
      }
    })
    expect(answer.status).toBe(400)
    expect(answer.json.pipeline_id).toBe(id)
    expect(detailPaths(answer)).toEqual(
      [
        "parameters.count",
        "parameters.extra",
        "parameters.flag",
        "parameters.list.1",
        "parameters.list.3",
        "parameters.nested.inner.deep",
        "parameters.nested.label",
        "parameters.note",
        "parameters.text"
      ].sort()
    )
    expect((await statusOf(server, id)).status).toBe("IDLE")
  })

  test("the message for a wrong value names the expected type", async () => {
    const wrong = await execute(server, "slow", { millis: "soon" })
    expect([wrong.status, detailPaths(wrong)]).toEqual([400, ["parameters.millis"]])
    expect(wrong.json.details[0].message).toMatch(/^Expected (?:a )?number$/)
    const text = await execute(server, "my_pipeline", { data: 1 })
    expect(text.json.details[0].message).toMatch(/^Expected (?:a )?string$/)
  })

  test("an unknown step is a 400 that names it, whatever else is given, and nothing starts", async () => {
    const id = await register(server, ["extract", "tag"])
    const given = { features: [1, 2] }
    for (const targets of [["label"], ["tag", "label"], ["Tag"], ["extract.tag"], ["__proto__"], [""]]) {
      const { status, json } = await post(server, pathOf(id, "/execute"), { given, targets, wait: true })
      expect([status, json.error, json.pipeline_id]).toEqual([400, "UnknownStepError", id])
      expect(json.step).toBe(targets.at(-1))
      expect(json.message).toContain("'extract', 'tag'")
    }
    expect((await statusOf(server, id)).status).toBe("IDLE")
    expect((await post(server, pathOf(id, "/execute"), { given, targets: ["tag"], wait: true })).json.result).toEqual([
      "tag-1",
      "tag-2"
    ])
  })

  test("missing and unknown parameters are named, with the steps that need them", async () => {
    const missing = await post(server, "/pipelines/my_pipeline/execute", { wait: true })
    expect(missing.status).toBe(400)
    expect(detailPaths(missing)).toEqual(["parameters.data"])
    expect(missing.json.details[0].message).toContain("'process'")
    const unknown = await execute(server, "my_pipeline", { data: "x", dat: "x", "": 1 })
    expect(unknown.status).toBe(400)
    expect(detailPaths(unknown)).toEqual(["parameters.", "parameters.dat"])
    expect((await execute(server, "no_parameters", { data: "x" })).status).toBe(400)
  })

  test("a body that does not fit execute is a 400", async () => {
    const bad: ReadonlyArray<readonly [body: unknown, paths: ReadonlyArray<string>]> = [
      [null, [""]],
      [[], [""]],
      ["text", [""]],
      [1, [""]],
      [true, [""]],
      [{ parameters: null }, ["parameters"]],
      [{ parameters: [] }, ["parameters"]],
      [{ parameters: "data" }, ["parameters"]],
      [{ wait: "yes", timeout: "soon", parameters: 1 }, ["parameters", "timeout", "wait"]],
      [{ timeout: -1, parameters: { data: "x" } }, ["timeout"]],
      [{ timeout: [1], parameters: { data: "x" } }, ["timeout"]],
      [{ wait: 1, parameters: { data: "x" } }, ["wait"]],
      [{ given: [], targets: "process", on_failure: "ignore" }, ["given", "on_failure", "targets"]],
      [{ targets: [], priority: 101, delay: -1, run_timeout: 0 }, ["delay", "priority", "run_timeout", "targets"]],
      [{ targets: [1], priority: 0.5, delay: "1", run_timeout: null }, ["delay", "priority", "run_timeout", "targets"]]
    ]
    for (const [body, paths] of bad) {
      const answer = await post(server, "/pipelines/my_pipeline/execute", body)
      expect(answer.status, JSON.stringify(body)).toBe(400)
      expect(detailPaths(answer), JSON.stringify(body)).toEqual(paths)
    }
    for (const query of ["?wait=perhaps", "?timeout=soon", "?timeout=-1", "?timeout=", "?timeout=NaN"]) {
      const answer = await post(server, `/pipelines/my_pipeline/execute${query}`, { parameters: { data: "x" } })
      expect(answer.status, query).toBe(400)
      expect(detailPaths(answer)).toHaveLength(1)
    }
  })

  test("a body that is not JSON is a 400", async () => {
    const id = await register(server, ["process"])
    const bad = ["{", '{"parameters":', "{'parameters':{}}", "undefined", "NaN", '{"parameters":{}}x', " ", "\0", "﻿x"]
    for (const path of [pathOf(id, "/execute"), pathOf(newName())]) {
      for (const body of bad) expect((await send(server, path, body)).status, body).toBe(400)
      // Not UTF-8.
      expect((await send(server, path, new Uint8Array([0x22, 0xff, 0xfe, 0x22]))).status).toBe(400)
      expect((await send(server, path, "")).status).toBe(400)
      expect((await ask(server, "POST", path)).status).toBe(400)
    }
    expect((await statusOf(server, id)).status).toBe("IDLE")
  })

  test("another content type is a 415", async () => {
    const body = JSON.stringify({ parameters: { data: "x" } })
    const execution = "/pipelines/my_pipeline/execute"
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json"]) {
      const headers = { "content-type": type }
      expect((await ask(server, "POST", execution, { body, headers })).status, type).toBe(415)
      expect((await ask(server, "POST", pathOf(newName()), { body: "{}", headers })).status, type).toBe(415)
    }
    for (const type of ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"]) {
      expect((await ask(server, "POST", execution, { body, headers: { "content-type": type } })).status, type).toBe(202)
    }
    // Without a type it may be anything. (A Uint8Array, because fetch adds a type to a text.)
    expect((await ask(server, "POST", execution, { body: new TextEncoder().encode(body) })).status).toBe(415)
  })

  test("a body of 1 MiB is read, a longer one is a 413", async () => {
    const around = JSON.stringify({ parameters: { data: "" }, wait: true }).length
    const most = await execute(server, "my_pipeline", { data: "" })
    expect(most.status).toBe(200)
    const fill = (length: number): string =>
      JSON.stringify({ parameters: { data: "x".repeat(length - around) }, wait: true })
    const path = "/pipelines/my_pipeline/execute"
    const { status, json } = await send(server, path, fill(1_048_576))
    expect([status, json.result?.processed.length]).toEqual([200, 1_048_576 - around])
    expect((await send(server, path, fill(1_048_577))).status).toBe(413)
    // Two bytes for each character: the bound is in bytes.
    const wide = JSON.stringify({ parameters: { data: "é".repeat(600_000) }, wait: true })
    expect((await send(server, path, wide)).status).toBe(413)
    expect((await send(server, pathOf(newName()), fill(1_048_577))).status).toBe(413)
  })

  test("a body of 10 MB is a 413, every time", async () => {
    const body = new Uint8Array(10_000_000).fill(0x20)
    for (let times = 0; times < 5; times++) {
      const { status, json } = await ask(server, "POST", "/pipelines/my_pipeline/execute", {
        body,
        headers: JSON_HEADERS
      })
      expect(status).toBe(413)
      expect(json.message).toMatch(/1048576|1,048,576|1 MiB/)
    }
  })

  test("deeply nested JSON is refused like any other wrong value", async () => {
    const id = await register(server, ["gather"])
    for (const depth of [1_000, 150_000]) {
      const { array, object } = deep(depth)
      const bodies = [
        array,
        object,
        `{"parameters":${array}}`,
        `{"parameters":{"text":${array}}}`,
        `{"parameters":{"list":${array}}}`,
        `{"parameters":{"nested":${object}}}`,
        `{"parameters":{"unknown":${array}}}`,
        `{"wait":${array}}`
      ]
      for (const body of bodies) {
        expect((await send(server, pathOf(id, "/execute"), body)).status, body.slice(0, 40)).toBe(400)
      }
      expect((await send(server, pathOf(newName()), `{"pipeline_type":"dataflow","tasks":${array}}`)).status).toBe(400)
      expect((await send(server, pathOf(newName()), `{"pipeline_type":${object},"tasks":[]}`)).status).toBe(400)
    }
    expect((await statusOf(server, id)).status).toBe("IDLE")
  })

  test("names that every object inherits are ordinary names", async () => {
    const path = "/pipelines/my_pipeline/execute"
    for (const key of ["__proto__", "constructor", "prototype", "toString"]) {
      const named = JSON.stringify(key)
      const inParameters = await send(server, path, `{"parameters":{"data":"x",${named}:{"data":"y"}}}`)
      expect(inParameters.status, key).toBe(400)
      expect(detailPaths(inParameters)).toEqual([`parameters.${key}`])
      const asParameters = await send(server, path, `{"parameters":{${named}:{"data":"y"}}}`)
      expect(detailPaths(asParameters)).toEqual([`parameters.${key}`, "parameters.data"].sort())
      const beside = await send(server, path, `{"parameters":{"data":"x"},${named}:{"wait":true}}`)
      expect(beside.status, key).toBe(400)
      expect(detailPaths(beside)).toEqual([key])
      const inherited = await send(server, path, `{${named}:{"parameters":{"data":"x"},"wait":true}}`)
      expect(inherited.status, key).toBe(400)
    }
    // Within a value they are data, and change nothing.
    const nested = '{"parameters":{"data":{"__proto__":{"toString":1}}}}'
    expect(detailPaths(await send(server, path, nested))).toEqual(["parameters.data"])
    expect((await post(server, path, {})).status).toBe(400)
    expect((await execute(server, "my_pipeline", { data: "x" })).json.result).toEqual({ processed: "X" })
  })
}
