/** Events over a WebSocket: what is said to every message, and the same events as over every other channel. */
import { expect, test } from "vitest"
import { ask, execute, get, type Json, resultOf, type Server, start, until, unused } from "../../http/harness/Client.ts"
import { Connection } from "../../http/harness/Connection.ts"
import { Listener } from "../../http/harness/Listener.ts"

const of = (connection: Connection, taskId: string): ReadonlyArray<Json> =>
  connection.events.filter(({ task_id }) => task_id === taskId)

/** Without where it goes on, which only feeds say. */
const plain = (events: ReadonlyArray<Json>): ReadonlyArray<Json> => events.map(({ cursor: _, ...event }) => event)

export const socketing = (server: Server): void => {
  test("a subscription to a run tells all of it, as its stream does, and ends", async () => {
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    const listener = await Listener.open(server, `/runs/${json.task_id}/events`)
    await listener.ended
    const connection = await Connection.open(server)
    const subject = { task_id: json.task_id }
    expect(await connection.ask({ type: "subscribe", ...subject })).toEqual({ type: "subscribed", ...subject })
    expect(await connection.next()).toEqual({ type: "ended", ...subject })
    expect(connection.events).toEqual(listener.events)
    expect(await connection.ask({ type: "subscribe", ...subject, after: 3 })).toMatchObject({ type: "subscribed" })
    expect(await connection.next()).toMatchObject({ type: "ended" })
    expect(connection.events.slice(4)).toEqual(listener.events.slice(3))
    connection.close()
    expect((await connection.closed)[0]).toBe(1005)
  })

  test("subscriptions to a pipeline and to all tell what happens, as the streams do; a cursor goes on where it was", async () => {
    const [some, all] = [await Connection.open(server), await Connection.open(server)]
    expect(await some.ask({ type: "subscribe", pipeline_id: "my_pipeline" })).toEqual({
      type: "subscribed",
      pipeline_id: "my_pipeline"
    })
    expect(await all.ask({ type: "subscribe", pipeline_id: "*" })).toEqual({ type: "subscribed", pipeline_id: "*" })
    const feed = await Listener.open(server, "/pipelines/my_pipeline/events")
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    const { json: other } = await execute(server, "open_gate", { gate: unused() })
    await until("all events", async () => (of(all, other.task_id).length >= 4 && feed.events.length >= 4) || undefined)
    await until("its events", async () => of(some, json.task_id).length >= 4 || undefined)
    const told = feed.events.filter(({ task_id }) => task_id === json.task_id)
    expect(plain(of(some, json.task_id))).toEqual(told)
    expect(plain(of(all, json.task_id))).toEqual(told)
    expect(of(some, other.task_id)).toEqual([])
    const late = await Connection.open(server)
    await late.ask({ type: "subscribe", pipeline_id: "my_pipeline", after: of(some, json.task_id)[1].cursor })
    await until("the rest", async () => of(late, json.task_id).length >= 2 || undefined)
    expect(of(late, json.task_id)).toEqual(of(some, json.task_id).slice(2))
    const lost = await Connection.open(server)
    await lost.ask({ type: "subscribe", pipeline_id: "my_pipeline", after: "1-1.1" })
    expect(await lost.next()).toMatchObject({ type: "gap", pipeline_id: "my_pipeline" })
    for (const connection of [some, all, late, lost]) connection.close()
    feed.close()
  })

  test("several subscriptions share a connection, each with its types, until they are ended by name", async () => {
    const connection = await Connection.open(server)
    const gate = unused()
    const taskId = await start(server, "held", { gate })
    const types = ["PipelineCompleteEvent", "StepStartEvent"]
    await connection.ask({ type: "subscribe", task_id: taskId, types })
    await connection.ask({ type: "subscribe", pipeline_id: "my_pipeline" })
    const { json } = await execute(server, "my_pipeline", { data: "x" })
    await until("its events", async () => of(connection, json.task_id).length >= 4 || undefined)
    expect(await connection.ask({ type: "unsubscribe", pipeline_id: "my_pipeline" })).toEqual({
      type: "unsubscribed",
      pipeline_id: "my_pipeline"
    })
    const { json: unheard } = await execute(server, "my_pipeline", { data: "y" })
    await execute(server, "open_gate", { gate })
    expect(await connection.next()).toEqual({ type: "ended", task_id: taskId })
    expect(of(connection, taskId).map(({ type }) => type)).toEqual([
      ...Array.from({ length: 3 }, () => "StepStartEvent"),
      "PipelineCompleteEvent"
    ])
    expect(of(connection, unheard.task_id)).toEqual([])
    expect(await connection.ask({ type: "unsubscribe", task_id: taskId })).toMatchObject({
      type: "error",
      error: "NotSubscribedError",
      task_id: taskId
    })
    connection.close()
  })

  test("whatever is wrong with a message is said by name, and the connection goes on", async () => {
    const connection = await Connection.open(server)
    for (const [message, error, path] of [
      ["", "InvalidMessageError"],
      ["{", "InvalidMessageError"],
      ["[]", "InvalidMessageError"],
      ["null", "InvalidMessageError"],
      ['"subscribe"', "InvalidMessageError"],
      [{}, "InvalidMessageError"],
      [{ type: "dance" }, "InvalidMessageError"],
      [{ type: "__proto__" }, "InvalidMessageError"],
      [{ type: "subscribe" }, "InvalidMessageError"],
      [{ type: "subscribe", pipeline_id: "my_pipeline", task_id: "x" }, "InvalidMessageError"],
      [{ type: "subscribe", pipeline_id: 7 }, undefined, "pipeline_id"],
      [{ type: "subscribe", pipeline_id: "" }, undefined, "pipeline_id"],
      [{ type: "subscribe", task_id: {} }, undefined, "task_id"],
      [{ type: "subscribe", pipeline_id: "*", types: ["Nothing"] }, undefined, "types"],
      [{ type: "subscribe", pipeline_id: "*", types: [] }, undefined, "types"],
      [{ type: "subscribe", pipeline_id: "*", after: 7 }, undefined, "after"],
      [{ type: "subscribe", pipeline_id: "*", after: "x" }, "InvalidOptionError", "after"],
      // What it is about is looked for first.
      [{ type: "subscribe", task_id: "x", after: -1 }, "RunNotFoundError"],
      [{ type: "subscribe", pipeline_id: "absent", types: [] }, "PipelineNotFoundError"],
      [{ type: "subscribe", pipeline_id: "absent" }, "PipelineNotFoundError"],
      [{ type: "subscribe", task_id: "absent" }, "RunNotFoundError"],
      [{ type: "unsubscribe", task_id: "absent" }, "NotSubscribedError"]
    ] as ReadonlyArray<readonly [Json | string, string | undefined, string?]>) {
      const answer = await connection.ask(message)
      expect(answer, JSON.stringify(message)).toMatchObject({ type: "error", message: expect.any(String) })
      if (error !== undefined) expect(answer.error, JSON.stringify(message)).toBe(error)
      if (path !== undefined) expect(answer.details[0].path).toBe(path)
      expect(await connection.ask({ type: "ping" })).toEqual({ type: "pong" })
    }
    connection.close()
  })

  test("what is no message at all ends the connection, with a code that says why", async () => {
    for (const [send, code] of [
      [(connection: Connection) => connection.send(new Uint8Array([1, 2, 3])), 1003],
      [(connection: Connection) => connection.send(`{"type":"${"x".repeat(70_000)}"}`), 1009],
      [(connection: Connection) => connection.send("x".repeat(3_000_000)), 1009]
    ] as const) {
      const connection = await Connection.open(server)
      send(connection)
      // A server that stops reading in the middle may cut the connection before it has said that.
      expect([code, ...(code === 1009 ? [1006] : [])]).toContain((await connection.closed)[0])
    }
  })

  test("a subscription to the same takes the other's place", async () => {
    const connection = await Connection.open(server)
    const ids = await Promise.all(Array.from({ length: 3 }, async () => start(server, "held", { gate: unused() })))
    for (let count = 0; count < 2; count++) {
      for (const task_id of ids) {
        expect(await connection.ask({ type: "subscribe", task_id, after: 100 })).toMatchObject({ type: "subscribed" })
      }
    }
    for (const task_id of ids) {
      expect(await connection.ask({ type: "unsubscribe", task_id })).toMatchObject({ type: "unsubscribed" })
      expect(await connection.ask({ type: "unsubscribe", task_id })).toMatchObject({ type: "error" })
      await ask(server, "POST", `/runs/${task_id}/cancel`)
    }
    connection.close()
  })

  test("what does not ask for a WebSocket is told how to", async () => {
    const { status, json, headers } = await get(server, "/ws")
    expect([status, json.error, headers.get("upgrade")]).toEqual([426, "UpgradeRequiredError", "websocket"])
    expect((await ask(server, "POST", "/ws")).status).toBe(405)
    await expect(Connection.open({ url: `${server.url}/pipelines` })).rejects.toThrow(/404|400/)
  })

  test("whoever goes away, however they do, holds nothing up", async () => {
    const gate = unused()
    const taskId = await start(server, "held", { gate })
    const gone = await Promise.all(Array.from({ length: 50 }, () => Connection.open(server)))
    for (const [at, connection] of gone.entries()) {
      connection.send({ type: "subscribe", task_id: taskId })
      connection.send({ type: "subscribe", pipeline_id: "*" })
      if (at % 2 === 0) connection.terminate()
      else connection.close()
    }
    const stayed = await Connection.open(server)
    await stayed.ask({ type: "subscribe", task_id: taskId })
    await execute(server, "open_gate", { gate })
    expect(await stayed.next()).toMatchObject({ type: "ended" })
    expect(stayed.events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect((await resultOf(server, taskId)).status).toBe(200)
    stayed.close()
  })
}

/** Of a server that can't make WebSockets. */
export const noSockets = (server: Server): void => {
  test("says that it takes no WebSocket", async () => {
    await expect(Connection.open(server)).rejects.toThrow("501")
    expect((await get(server, "/ws")).status).toBe(426)
  })
}
