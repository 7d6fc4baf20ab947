/** Many readers of much: those that stay miss nothing, whatever the others do, and these cost next to nothing. */
import { connect, type Socket } from "node:net"
import { expect, test } from "vitest"
import { execute, get, type Json, type Server, until } from "../../http/harness/Client.ts"
import { Connection } from "../../http/harness/Connection.ts"
import { Listener } from "../../http/harness/Listener.ts"

const RUNS = 500
/** How many there are before memory is looked at. */
const WARM = 150
/** How many run at once. */
const WIDTH = 50
/** How long what each of them gives is, in characters. */
const LENGTH = 20_000
/** How many readers never read: unbounded, each would keep some 10 MB. */
const DEAF = 80
const PATH = "/pipelines/big_output/events"

const memory = async (server: Server): Promise<number> => (await get(server, "/health")).json.memory_mb

const runAll = async (
  server: Server,
  count: number,
  during?: (done: number) => Promise<void>
): Promise<ReadonlyArray<string>> => {
  const ids: Array<string> = []
  for (let done = 0; done < count; done += WIDTH) {
    await during?.(done)
    const answers = await Promise.all(
      Array.from({ length: WIDTH }, () => execute(server, "big_output", { length: LENGTH }))
    )
    for (const { json } of answers) ids.push(json.task_id)
  }
  return ids
}

/** Asks for events and never reads a byte. */
const deaf = (server: Server): Promise<Socket> => {
  const { hostname, host, port, pathname } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: hostname })
    socket.once("error", reject).once("connect", () => {
      socket.off("error", reject).on("error", () => undefined)
      socket.pause().write(`GET ${pathname.replace(/\/$/, "")}${PATH} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
      resolve(socket)
    })
  })
}

/** Comes, hears some, goes, and comes back behind the last, until it has heard enough. */
class Wanderer {
  readonly events: Array<Json> = []
  readonly gaps: Array<string> = []
  visits = 0
  readonly over: Promise<void>

  constructor(server: Server, place: string, enough: () => number) {
    this.over = this.#wander(server, place, enough)
  }

  async #wander(server: Server, from: string, enough: () => number): Promise<void> {
    for (let place = from; this.events.length < enough(); this.visits++) {
      const listener = await Listener.open(server, PATH, { "last-event-id": place })
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 200))
      listener.close()
      this.events.push(...listener.events)
      this.gaps.push(...listener.gaps)
      place = listener.ids.at(-1) ?? place
    }
  }
}

const EACH = ["PipelineStartEvent", "StepStartEvent", "StepCompleteEvent", "PipelineCompleteEvent"]

/** Each run's events in order, each once. */
const expectAll = (events: ReadonlyArray<Json>, ids: ReadonlyArray<string>, who: string): void => {
  const told = new Map<string, Array<string>>(ids.map((id) => [id, []]))
  for (const { task_id, type } of events) told.get(task_id)?.push(type)
  for (const [id, types] of told) expect(types, `${who}: ${id}`).toEqual(EACH)
}

/** `other`: a server of the same runs, by which they are read. */
export const attending = (server: Server, other: Server = server, takesSockets = true): void => {
  test(`${RUNS} runs are heard by everyone who stays, whatever other readers do`, { timeout: 120_000 }, async ({
    annotate
  }) => {
    const [first] = [await Listener.open(other, PATH), await runAll(server, WARM)]
    await until("a place", async () => first.events.length >= 4 * WARM || undefined)
    const place = first.ids.at(-1)!
    first.close()
    const before = await memory(other)

    const listeners = await Promise.all(Array.from({ length: 5 }, () => Listener.open(other, PATH)))
    const deafOnes = await Promise.all(Array.from({ length: DEAF }, () => deaf(other)))
    const [connections, paused, babblers]: ReadonlyArray<Array<Connection>> = [[], [], []]
    if (takesSockets) {
      for (const group of [connections!, paused!, babblers!]) {
        for (let count = 0; count < 5; count++) group.push(await Connection.open(other))
      }
      for (const connection of [...connections!, ...paused!]) {
        await connection.ask({ type: "subscribe", pipeline_id: "big_output" })
      }
      for (const connection of paused!) connection.pause()
    }
    let isOver = false
    const wanderers = Array.from(
      { length: 5 },
      () => new Wanderer(other, place, () => (isOver ? 4 * RUNS : Number.POSITIVE_INFINITY))
    )
    const late: Array<Listener> = []
    const ids = await runAll(server, RUNS, async (done) => {
      for (const [at, babbler] of babblers!.entries()) {
        const garbage = [
          "{",
          '{"type":"dance"}',
          '{"type":"subscribe","pipeline_id":7}',
          new Uint8Array(8),
          "x".repeat(70_000)
        ]
        if (!babbler.isClosed) babbler.send(garbage[(at + done / WIDTH) % garbage.length]!)
      }
      if (done % (2 * WIDTH) === 0) late.push(await Listener.open(other, PATH, { "last-event-id": place }))
    })
    isOver = true

    const hear = (who: string, events: () => ReadonlyArray<Json>) =>
      until(`all of it (${who})`, async () => events().length >= 4 * RUNS || undefined).then(() =>
        expectAll(events(), ids, who)
      )
    for (const [at, listener] of [...listeners, ...late].entries()) {
      const who = at < listeners.length ? "a listener" : "one that came late"
      await hear(who, () => listener.events)
      expect([listener.gaps, new Set(listener.ids).size], who).toEqual([[], listener.ids.length])
      listener.close()
    }
    for (const connection of connections!) {
      await hear("a WebSocket", () => connection.events)
      connection.close()
    }
    for (const wanderer of wanderers) {
      await wanderer.over
      expectAll(wanderer.events, ids, "one that comes and goes")
      expect(wanderer.gaps).toEqual([])
    }
    const after = await memory(other)
    const visits = wanderers.reduce((sum, wanderer) => sum + wanderer.visits, 0)
    await annotate(`memory: ${before} MB, after ${RUNS} runs more and all readers ${after} MB; ${visits} visits`)
    expect(after - before).toBeLessThan(400)
    for (const socket of deafOnes) socket.destroy()
    for (const connection of [...paused!, ...babblers!]) connection.terminate()
  })
}
