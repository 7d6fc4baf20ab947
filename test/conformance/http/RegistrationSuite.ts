/** Registering pipelines from the tasks that the program offers. */
import { expect, test } from "vitest"
import {
  type Answer,
  detailPaths,
  execute,
  expectRecent,
  get,
  keysOf,
  pathOf,
  post,
  register,
  type Server,
  start,
  unused
} from "../../http/harness/Client.ts"

const put = (server: Server, id: string, tasks: unknown, kind: unknown = "dataflow"): Promise<Answer> =>
  post(server, pathOf(id), { pipeline_type: kind, tasks })

/** What can't be built: its tasks, its kind, and what the message has to name. */
const UNBUILDABLE: ReadonlyArray<{
  readonly what: string
  readonly tasks: ReadonlyArray<string>
  readonly kind?: "sequential"
  readonly names: RegExp
}> = [
  { what: "a cycle", tasks: ["chicken", "egg"], names: /chicken -> egg -> chicken/ },
  { what: "an unknown task", tasks: ["extract", "absent_task"], names: /'absent_task'/ },
  { what: "a duplicate output", tasks: ["extract", "extract_again"], names: /'features'.*'extract'.*'extract_again'/ },
  { what: "a type mismatch", tasks: ["measure", "announce"], names: /'announce'.*'size'/ },
  { what: "a self-dependency", tasks: ["ouroboros"], names: /'ouroboros'.*'tail'/ },
  { what: "a task twice", tasks: ["extract", "extract"], names: /'extract'/ },
  { what: "no task", tasks: [], names: /no tasks/ },
  { what: "a missing producer", tasks: ["divide", "tag"], kind: "sequential", names: /'tag'.*'divide'/ },
  { what: "no task in sequence", tasks: [], kind: "sequential", names: /no tasks/ },
  { what: "a type mismatch in sequence", tasks: ["increment", "tag"], kind: "sequential", names: /'tag'/ }
]

const HOSTILE_IDS = [
  "a/b",
  "//",
  'say "hi"',
  "it's",
  "back\\slash",
  "sp ace",
  " ",
  "100%",
  "%41",
  "%2F",
  "q?x=1&y#z",
  "🎧 日本語",
  "é vs e\u0301",
  "<b>&amp;",
  "a;b=c,d",
  "constructor",
  "toString",
  "dag",
  "status",
  "...",
  "x".repeat(200)
]

export const registering = (server: Server): void => {
  test("a registered pipeline answers 201 with its row, and is there", async () => {
    const id = unused()
    const { status, json } = await put(server, id, ["tag", "extract"])
    expect(status).toBe(201)
    expect(keysOf(json)).toEqual(["created_at", "pipeline_id", "pipeline_type", "tasks"])
    expect(json).toMatchObject({ pipeline_id: id, pipeline_type: "dataflow", tasks: ["tag", "extract"] })
    expectRecent(json.created_at)
    expect((await get(server, "/pipelines")).json).toContainEqual(json)
    expect((await get(server, pathOf(id, "/dag"))).json.edges).toEqual([{ from: "extract", to: "tag" }])
    expect((await execute(server, id, { path: "a" })).json.result).toEqual(["tag-97"])
  })

  test("a sequential pipeline runs its tasks in the order that was given", async () => {
    const id = unused()
    const { status, json } = await put(server, id, ["increment", "double", "label"], "sequential")
    expect(status).toBe(201)
    expect(json).toMatchObject({ pipeline_type: "sequential", tasks: ["increment", "double", "label"] })
    expect((await execute(server, id, { value: 3 })).json.result).toBe("number 8")
    const other = await register(server, ["double", "increment"], "sequential")
    expect((await execute(server, other, { value: 3 })).json.result).toBe(7)
    const { json: seen } = await get(server, pathOf(id, "/visualize"))
    expect(seen).toMatchObject({ type: "sequential", execution_levels: [["increment"], ["double"], ["label"]] })
    expect((await get(server, pathOf(id, "/dag"))).json.edges).toEqual([
      { from: "increment", to: "double" },
      { from: "double", to: "label" }
    ])
  })

  test("a sequence may have a task more than once", async () => {
    const id = await register(server, ["double", "double", "increment", "double"], "sequential")
    expect((await execute(server, id, { value: 1 })).json.result).toBe(10)
    const { json } = await get(server, pathOf(id, "/visualize"))
    expect(json.execution_levels).toHaveLength(4)
  })

  test("an id that exists is a 409 and stays what it was", async () => {
    const id = await register(server, ["extract"])
    for (const taken of [id, "my_pipeline"]) {
      const before = await get(server, pathOf(taken, "/dag"))
      const { status, json } = await put(server, taken, ["tag"])
      expect([status, json.pipeline_id]).toEqual([409, taken])
      expect((await get(server, pathOf(taken, "/dag"))).text).toBe(before.text)
    }
  })

  test("of many who register one id at once, one does", async () => {
    const id = unused()
    const answers = await Promise.all(Array.from({ length: 20 }, () => put(server, id, ["extract"])))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(19).fill(409)])
  })

  test.for(UNBUILDABLE)("a graph with $what is a 422 that says so", async ({ tasks, kind, names }) => {
    const id = unused()
    const { status, json } = await put(server, id, tasks, kind)
    expect(status).toBe(422)
    expect(json.message).toMatch(names)
    expect(json.pipeline_id).toBe(id)
    // Nothing was registered: the id is free.
    expect((await get(server, pathOf(id, "/status"))).status).toBe(404)
    expect((await put(server, id, ["extract"])).status).toBe(201)
  })

  test("each kind of 422 has an error of its own", async () => {
    const answers = await Promise.all(UNBUILDABLE.map(({ tasks, kind }) => put(server, unused(), tasks, kind)))
    const errors = answers.slice(0, 8).map(({ json }) => json.error)
    expect(new Set(errors).size).toBe(8)
  })

  test("ids that no pipeline can have are a 422", async () => {
    for (const id of ["result", "__proto__", "x".repeat(201), "line\nbreak", "nul\0"]) {
      const { status, json } = await put(server, id, ["extract"])
      expect(status, JSON.stringify(id)).toBe(422)
      expect(json.message).toMatch(/id/)
    }
  })

  test.for(HOSTILE_IDS)("a pipeline may be called %j", async (id) => {
    const { status, json } = await put(server, id, ["process"])
    expect(status).toBe(201)
    expect(json.pipeline_id).toBe(id)
    for (const path of ["/status", "/dag", "/dag/dot", "/visualize"]) {
      expect((await get(server, pathOf(id, path))).status, path).toBe(200)
      expect((await get(server, `/api/v1${pathOf(id, path)}`)).status, path).toBe(200)
    }
    expect((await get(server, pathOf(id, "/visualize"))).json.pipeline_id).toBe(id)
    expect((await execute(server, id, { data: "x" })).json.result).toEqual({ processed: "X" })
    expect((await put(server, id, ["process"])).json).toMatchObject({ pipeline_id: id })
    const taskId = await start(server, id, { data: "x" })
    expect((await get(server, pathOf(id, "/status"))).json.task_id).toBe(taskId)
  })

  test("every mistake in a definition is reported at once", async () => {
    const bad: ReadonlyArray<readonly [body: unknown, paths: ReadonlyArray<string>]> = [
      [{}, ["pipeline_type", "tasks"]],
      [{ pipeline_type: "parallel", tasks: "extract" }, ["pipeline_type", "tasks"]],
      [{ pipeline_type: "dataflow", tasks: [1] }, ["tasks"]],
      [{ pipeline_type: "dataflow", tasks: null }, ["tasks"]],
      [{ pipeline_type: null, tasks: { length: 1 } }, ["pipeline_type", "tasks"]],
      [{ pipeline_type: ["dataflow"], tasks: ["extract"] }, ["pipeline_type"]]
    ]
    for (const [body, paths] of bad) {
      const id = unused()
      const answer = await post(server, pathOf(id), body)
      expect(answer.status, JSON.stringify(body)).toBe(400)
      for (const path of paths) expect(detailPaths(answer).some((found) => found.startsWith(path))).toBe(true)
      expect((await get(server, pathOf(id, "/status"))).status).toBe(404)
    }
  })

  test("task names that every object has are as unknown as others", async () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", ""]) {
      expect((await put(server, unused(), [name])).status, name).toBe(422)
    }
  })
}
