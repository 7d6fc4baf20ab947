/** Who may listen to what over a WebSocket, and how they say who they are. */
import { beforeAll, expect, test } from "vitest"
import { FLOWS, KEYS } from "../../fixtures/access.ts"
import { ask, type Json, type Server, until } from "../../http/harness/Client.ts"
import { Connection } from "../../http/harness/Connection.ts"
import { contract, Maker, type Target } from "../../http/harness/Contract.ts"
import { apiKey, bearer, type Comer, claims, comers, expected, jwt } from "../../http/harness/Credentials.ts"
import { Listener } from "../../http/harness/Listener.ts"

const OWNER = apiKey(KEYS.owner)

/** What is said of each status. */
const SAID = (status: number, subject: object): string =>
  status === 403 ? "AccessDeniedError" : "task_id" in subject ? "RunNotFoundError" : "PipelineNotFoundError"

/** Somebody's credentials as a message, where they are one key or one token. */
const asMessage = ({ headers }: Comer): Json | undefined => {
  const [[name, value] = ["", ""], ...more] = Object.entries(headers)
  if (more.length > 0 || value.trim() === "") return undefined
  if (name === "x-api-key") return { type: "auth", api_key: value }
  const token = /^bearer +(\S+)$/i.exec(value)?.[1]
  return token === undefined ? undefined : { type: "auth", token }
}

export const knocking = (
  server: Server,
  others: Readonly<Record<"limited" | "strict" | "forwarded", Server>>
): void => {
  // The last ones: the matrix uses up the first.
  const maker = new Maker(server, OWNER, FLOWS.slice(-3))
  let target: Target
  let everybody: ReadonlyArray<Comer>

  beforeAll(async () => {
    const pipeline = await maker.pipeline()
    target = { pipeline, run: await maker.run(pipeline), schedule: "" }
    everybody = await comers(maker, target)
  })

  /** What is wrong with what somebody who is connected is told. */
  const listen = async (connection: Connection, comer: Comer): Promise<ReadonlyArray<string>> => {
    const wrong: Array<string> = []
    for (const [key, subject] of [
      ["GET /pipelines/{pipeline_id}/events", { pipeline_id: target.pipeline }],
      ["GET /runs/{task_id}/events", { task_id: target.run }],
      ["GET /events", { pipeline_id: "*" }]
    ] as const) {
      const status = expected(contract[key]!, comer)
      const said = await connection.ask({ type: "subscribe", ...subject, ...("task_id" in subject && { after: 100 }) })
      if (status === 200 && "task_id" in subject) await connection.next()
      const should = status === 200 ? "subscribed" : SAID(status, subject)
      if ((said.error ?? said.type) !== should) wrong.push(`${comer.name}: ${key}: ${JSON.stringify(said)}`)
    }
    return wrong
  }

  test("everybody who shows something in the headers is let in or told why not, and hears what they may", async () => {
    const wrong: Array<string> = []
    for (const comer of everybody) {
      const connection = await Connection.open(server, "", comer.headers)
      if (comer.refused === "nothing") connection.send({ type: "subscribe", pipeline_id: target.pipeline })
      if (comer.refused === undefined) wrong.push(...(await listen(connection, comer)))
      else {
        const [code] = await connection.closed
        if (code !== (comer.refused === "unknown" ? 4403 : 4401)) wrong.push(`${comer.name}: ${code}`)
      }
      connection.close()
    }
    expect(wrong).toEqual([])
  })

  test("the same in their first message", async () => {
    const wrong: Array<string> = []
    let count = 0
    for (const comer of everybody) {
      const message = asMessage(comer)
      if (message === undefined) continue
      count++
      const connection = await Connection.open(server)
      connection.send(message)
      if (comer.refused === undefined) {
        const said = await connection.next()
        if (said.type !== "authenticated") wrong.push(`${comer.name}: ${JSON.stringify(said)}`)
        wrong.push(...(await listen(connection, comer)))
      } else {
        const [code] = await connection.closed
        if (code !== (comer.refused === "unknown" ? 4403 : 4401)) wrong.push(`${comer.name}: ${code}`)
      }
      connection.close()
    }
    expect(count).toBeGreaterThan(30)
    expect(wrong).toEqual([])
  })

  test("in the URL, a narrowed token lets in and nothing else does", async () => {
    const { token } = await maker.post("/tokens", { task_id: target.run }, 201)
    const connection = await Connection.open(server, `?token=${token}`)
    expect(await connection.ask({ type: "subscribe", task_id: target.run })).toMatchObject({ type: "subscribed" })
    connection.close()
    for (const other of [KEYS.owner, jwt(claims("admin")), `lvt_${"A".repeat(43)}`, ""]) {
      expect((await (await Connection.open(server, `?token=${other}`)).closed)[0], other).toBe(4401)
    }
  })

  test("what is open ends with the credentials that it was opened with, unless new ones come in time", async () => {
    const issued = async (seconds: number): Promise<Json> =>
      maker.post("/tokens", { pipeline_id: target.pipeline, expires_in: seconds }, 201)
    const subject = { pipeline_id: target.pipeline }
    const path = `/pipelines/${target.pipeline}/events`
    const [short, long] = [await issued(1), await issued(60)]
    const began = Date.now()
    const stream = await Listener.open(server, `${path}?token=${short.token}`)
    const left = await Connection.open(server, `?token=${short.token}`)
    const renewed = await Connection.open(server)
    for (const token of [short.token, long.token]) {
      expect(await renewed.ask({ type: "auth", token })).toMatchObject({ type: "authenticated" })
      expect(await renewed.ask({ type: "subscribe", ...subject })).toMatchObject({ type: "subscribed" })
    }
    // Whoever comes in the place of somebody does not take over what they have.
    const replaced = await Connection.open(server)
    await replaced.ask({ type: "auth", token: short.token })
    await replaced.ask({ type: "subscribe", ...subject })
    expect(await replaced.ask({ type: "auth", api_key: KEYS.viewer })).toMatchObject({ type: "authenticated" })
    await stream.ended
    expect(await left.closed).toEqual([4401, "The credentials have expired"])
    expect(await replaced.closed).toEqual([4401, "The credentials have expired"])
    expect(Date.now() - began).toBeGreaterThan(900)
    expect(await renewed.ask({ type: "ping" })).toEqual({ type: "pong" })
    renewed.close()
    expect((await ask(server, "GET", `${path}?token=${short.token}`)).status).toBe(401)
  })

  test("no token outlives the credentials that it was got with", async () => {
    // Five seconds are forgiven.
    const exp = Math.floor(Date.now() / 1_000) + 5
    const headers = bearer(jwt({ ...claims("admin"), exp }))
    const { status, json } = await ask(server, "POST", "/tokens", { headers, json: { task_id: target.run } })
    expect([status, Date.parse(json.expires_at)]).toEqual([201, (exp + 5) * 1_000])
  })

  test("nobody says anything before they have said who they are", async () => {
    for (const message of [
      { type: "subscribe", pipeline_id: "*" },
      { type: "unsubscribe", pipeline_id: "*" },
      { type: "subscribe", task_id: target.run }
    ]) {
      const connection = await Connection.open(server)
      expect(await connection.ask({ type: "ping" })).toEqual({ type: "pong" })
      connection.send(message)
      expect((await connection.closed)[0]).toBe(4401)
    }
    const connection = await Connection.open(server)
    expect(await connection.ask({ type: "auth", api_key: 7 })).toMatchObject({ type: "error" })
    connection.send({ type: "auth" })
    expect((await connection.closed)[0]).toBe(4401)
  })

  test("whoever must come over HTTPS is told so, and whoever comes too often, to come later", async () => {
    expect((await (await Connection.open(others.strict, "", OWNER)).closed)[0]).toBe(4403)
    expect((await (await Connection.open(others.strict)).closed)[0]).toBe(4403)
    const secure = { ...OWNER, forwarded: "for=192.0.2.77;proto=https" }
    const codes: Array<number | undefined> = []
    for (let count = 0; count < 4; count++) {
      const connection = await Connection.open(others.forwarded, "", secure)
      codes.push(
        await Promise.race([connection.closed.then(([code]) => code), connection.ask({ type: "ping" }).then(() => 0)])
      )
      connection.close()
    }
    expect(codes).toEqual([0, 0, 0, 1013])
  })

  test("feeds tell nobody of what they may not read, also when that changes while they listen", async () => {
    const viewer = apiKey(KEYS.viewer)
    const connection = await Connection.open(server, "", viewer)
    await connection.ask({ type: "subscribe", pipeline_id: "*" })
    const feed = await Listener.open(server, "/events", viewer)
    const owner = await Listener.open(server, "/events", OWNER)
    const hears = async (taskId: string) => {
      await until(
        "the owner to hear it",
        async () =>
          owner.events.some(({ task_id, type }) => task_id === taskId && type === "PipelineCompleteEvent") || undefined
      )
      // What comes after it, which the viewer hears, has come too.
      return {
        socket: connection.events.some(({ task_id }) => task_id === taskId),
        feed: feed.events.some(({ task_id }) => task_id === taskId)
      }
    }
    const heard = async (taskId: string) =>
      until("the viewer to hear it", async () => {
        const { socket, feed: sse } = await hears(taskId)
        return (socket && sse) || undefined
      })
    const other = await maker.pipeline()
    const hidden = await maker.run("my_pipeline")
    await heard(await maker.run(target.pipeline))
    expect(await hears(hidden)).toEqual({ socket: false, feed: false })
    const path = `/pipelines/${target.pipeline}/acl`
    const { acl } = (await ask(server, "GET", path, { headers: OWNER })).json
    await ask(server, "PUT", path, { headers: OWNER, json: { ...acl, read: ["owner"] } })
    const shut = await maker.run(target.pipeline)
    await heard(await maker.run(other))
    expect(await hears(shut)).toEqual({ socket: false, feed: false })
    await ask(server, "DELETE", path, { headers: OWNER })
    await heard(await maker.run(target.pipeline))
    expect(await hears(shut)).toEqual({ socket: false, feed: false })
    for (const each of [connection, feed, owner]) each.close()
  })
}
