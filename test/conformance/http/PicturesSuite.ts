/** Pictures over HTTP: their forms, with and without a run, what clients may keep, and what they are refused. */
import { expect, test } from "vitest"
import { hostile } from "../../fixtures/pipelines.ts"
import {
  ask,
  execute,
  get,
  type Json,
  keysOf,
  newName,
  pathOf,
  post,
  type Server,
  until
} from "../../http/harness/Client.ts"

/** Every form of a picture, with its content type. */
const FORMS: Readonly<Record<string, string>> = {
  svg: "image/svg+xml; charset=utf-8",
  layout: "application/json",
  cytoscape: "application/json",
  mermaid: "text/plain; charset=utf-8",
  ascii: "text/plain; charset=utf-8",
  "critical-path": "application/json"
}

const HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

export const picturesSuite = (server: Server): void => {
  const graph = "/pipelines/audio_analysis_v1"

  test("every form has its content type, and is the same below /api/v1", async () => {
    for (const [form, type] of Object.entries(FORMS)) {
      const { status, headers, text } = await get(server, `${graph}/dag/${form}`)
      expect([status, headers.get("content-type")], form).toEqual([200, type])
      expect(headers.get("cache-control"), form).toBe("no-store")
      expect((await get(server, `/api/v1${graph}/dag/${form}`)).text, form).toBe(text)
      const head = await ask(server, "HEAD", `${graph}/dag/${form}`)
      expect([head.status, head.text, head.headers.get("etag")], form).toEqual([200, "", headers.get("etag")])
    }
  })

  test("the layout has each step with its place, and each edge with its points", async () => {
    const { json } = await get(server, `${graph}/dag/layout`)
    expect(keysOf(json)).toEqual(["boxes", "collapsed", "edges", "engine", "height", "nodes", "version", "width"])
    expect([json.engine, json.collapsed, json.boxes]).toEqual(["dagre", false, []])
    expect(json.version).toBe((await get(server, graph)).json.version)
    expect(json.nodes.map(({ name }: Json) => name)).toEqual(["extract", "tag", "embed"])
    for (const node of json.nodes) {
      expect(keysOf(node)).toEqual(["height", "kind", "label", "name", "steps", "width", "x", "y"])
      expect([node.kind, node.steps]).toEqual(["task", 1])
    }
    expect(json.edges.map(({ from, to }: Json) => [from, to])).toEqual([
      [0, 1],
      [0, 2]
    ])
    const [first] = json.edges[0].points
    expect(first[1]).toBe(json.nodes[0].y + json.nodes[0].height)
    const layers = (await get(server, `${graph}/dag/layout?engine=layers`)).json
    expect([layers.engine, layers.nodes.length]).toEqual(["layers", 3])
  })

  test("the other forms have the same graph", async () => {
    expect((await get(server, `${graph}/dag/mermaid`)).text).toBe(
      'flowchart TD\n  n0["extract"]\n  n1["tag"]\n  n2["embed"]\n  n0 --> n1\n  n0 --> n2\n'
    )
    expect((await get(server, `${graph}/dag/ascii`)).text).toBe("* extract\n|-+\n* | tag\n  * embed\n")
    const { elements } = (await get(server, `${graph}/dag/cytoscape`)).json
    expect(elements.nodes.map(({ data }: Json) => data.name)).toEqual(["extract", "tag", "embed"])
    expect(elements.edges.map(({ data }: Json) => [data.source, data.target])).toEqual([
      ["n0", "n1"],
      ["n0", "n2"]
    ])
    expect((await get(server, `${graph}/dag/critical-path`)).json).toEqual({
      pipeline_id: "audio_analysis_v1",
      critical_path: ["extract", "tag"],
      length: 2,
      task_id: null,
      durations_ms: null
    })
  })

  test("with a run, steps show their states", async () => {
    const { json: started } = await execute(server, "winding", { number: 4 })
    const run = `?run=${started.task_id}`
    const { nodes } = (await get(server, `/pipelines/winding/dag/layout${run}`)).json
    const states = Object.fromEntries(nodes.map(({ name, state }: Json) => [name, state]))
    expect(states["square"]).toMatchObject({ status: "COMPLETED", progress: { done: 4, total: 4 }, items_failed: 0 })
    expect(states["parity.no.odd"]).toMatchObject({ status: "SKIPPED", attempts: 0, duration_ms: null })
    const svg = (await get(server, `/pipelines/winding/dag/svg${run}`)).text
    expect(svg).toContain('data-step="parity.no.odd" class="SKIPPED"')
    expect(svg).toContain("✓ completed 4 of 4")
    expect((await get(server, `/pipelines/winding/dag/mermaid${run}`)).text).toContain(":::skipped")
    expect((await get(server, `/pipelines/winding/dag/ascii${run}`)).text).toContain("parity.no.odd (↷ skipped)")
    const { elements } = (await get(server, `/pipelines/winding/dag/cytoscape${run}`)).json
    expect(elements.nodes.map(({ data }: Json) => data.status)).toContain("SKIPPED")
    const path = (await get(server, `/pipelines/winding/dag/critical-path${run}`)).json
    expect(path.task_id).toBe(started.task_id)
    expect(path.durations_ms).toHaveLength(path.critical_path.length)
    expect(path.length).toBe(path.durations_ms.reduce((sum: number, millis: number) => sum + millis, 0))
    const longest = Math.max(...nodes.map(({ state }: Json) => state.duration_ms ?? 0))
    expect(path.length).toBeGreaterThanOrEqual(longest)
  })

  test("a client that has a picture gets 304 until the run changes", async () => {
    const gate = newName()
    const { json } = await post(server, "/pipelines/held/execute", { parameters: { gate } })
    const path = (form: string) => `/pipelines/held/dag/${form}?run=${json.task_id}`
    const before = new Map<string, string>()
    // The second step runs until the gate opens.
    await until("the step that waits", async () => {
      const { steps } = (await get(server, `/runs/${json.task_id}`)).json
      return steps.find(({ name, status }: Json) => name === "hold" && status === "RUNNING")
    })
    for (const form of Object.keys(FORMS)) {
      const etag = (await get(server, path(form))).headers.get("etag")!
      expect(etag, form).toMatch(/^W\/"[\w-]+"$/)
      before.set(form, etag)
      for (const known of [etag, etag.slice(2), `"x", ${etag}`, "*"]) {
        const again = await ask(server, "GET", path(form), { headers: { "if-none-match": known } })
        expect([again.status, again.text, again.headers.get("etag")], `${form} ${known}`).toEqual([304, "", etag])
      }
      expect((await ask(server, "GET", path(form), { headers: { "if-none-match": '"x"' } })).status).toBe(200)
    }
    await execute(server, "open_gate", { gate })
    await until("the end of the run", async () => {
      const { status } = await get(server, `/pipelines/result/${json.task_id}`)
      return status === 200 || undefined
    })
    for (const [form, etag] of before) {
      const changed = await ask(server, "GET", path(form), { headers: { "if-none-match": etag } })
      expect([changed.status, changed.headers.get("etag") === etag], form).toEqual([200, false])
    }
    const tags = await Promise.all(
      ["dag/svg", "dag/svg?engine=layers"].map(async (path) =>
        (await get(server, `${graph}/${path}`)).headers.get("etag")
      )
    )
    expect(new Set(tags).size).toBe(2)
  })

  test("a run of another pipeline, an unknown run, pipeline or engine are refused", async () => {
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    const refusals: ReadonlyArray<readonly [string, number, string]> = [
      [`${graph}/dag/FORM?run=${json.task_id}`, 409, "RunMismatchError"],
      [`${graph}/dag/FORM?run=absent`, 404, "RunNotFoundError"],
      [`${graph}/dag/FORM?run=`, 404, "RunNotFoundError"],
      [`/pipelines/absent/dag/FORM`, 404, "PipelineNotFoundError"],
      [`/pipelines/absent/dag/FORM?run=${json.task_id}`, 404, "PipelineNotFoundError"]
    ]
    for (const form of Object.keys(FORMS)) {
      for (const [path, status, error] of refusals) {
        const answer = await get(server, path.replace("FORM", form))
        expect([answer.status, answer.json.error], `${form} ${path}`).toEqual([status, error])
      }
    }
    expect((await get(server, `${graph}/dag/svg?run=${json.task_id}`)).json.message).toBe(
      `Run '${json.task_id}' is a run of pipeline 'my_pipeline', not of 'audio_analysis_v1'`
    )
    for (const form of ["svg", "layout", "cytoscape"]) {
      const answer = await get(server, `${graph}/dag/${form}?engine=neato`)
      expect([answer.status, answer.json.details?.[0].path]).toEqual([400, "engine"])
    }
  })

  test("browsers get a page at /visualize, and other clients JSON", async () => {
    const visit = (path: string, accept: string) => ask(server, "GET", path, { headers: { accept } })
    const page = await visit(`${graph}/visualize`, HTML)
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"])
    expect(page.headers.get("content-security-policy")).not.toMatch(/script-src|'unsafe-inline'.*script/)
    expect(page.text).toContain("<h1>audio_analysis_v1</h1>")
    expect(page.text).toContain('data-step="extract"')
    expect(page.text).not.toContain("<script")
    const links = [...page.text.matchAll(/href="([^"]*)"/g)].map(([, link]) => link!)
    expect(links.length).toBe(8)
    for (const link of links) expect((await get(server, `${graph}/${link}`)).status, link).toBe(200)
    const plain = await get(server, `${graph}/visualize`)
    for (const accept of ["*/*", "application/json", "application/json, text/html;q=0.5", "text/html;q=0", ""]) {
      const answer = await visit(`${graph}/visualize`, accept)
      expect([answer.headers.get("content-type"), answer.text], accept).toEqual(["application/json", plain.text])
    }
    const { json } = await execute(server, "audio_analysis_v1", { path: "x" })
    const withRun = await visit(`${graph}/visualize?run=${json.task_id}`, HTML)
    expect(withRun.text).toContain(`run ${json.task_id}: completed`)
    expect(withRun.text).toContain(`href="dag/mermaid?run=${json.task_id}"`)
    expect((await visit(`${graph}/visualize?run=absent`, HTML)).json.error).toBe("RunNotFoundError")
    const nasty = await visit(pathOf(hostile.id, "/visualize"), HTML)
    expect(nasty.text).toContain("&#60;b&#62;")
    expect(nasty.text).not.toContain("<b>")
  })
}
