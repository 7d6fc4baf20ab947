/**
 * How a server shuts down on a signal of a process manager: waiting clients get their answer, and no connection hangs.
 */
import { afterEach, describe, expect, test } from "vitest"
import { execute, start, until } from "../../http/harness/Client.ts"
import { Connection } from "../../http/harness/Connection.ts"
import { Listener } from "../../http/harness/Listener.ts"
import { type Launched, launch, type Runtime } from "../../http/harness/launch.ts"
import { type RawAnswer, RawConnection } from "../../http/harness/RawConnection.ts"

/** How much longer than its grace period a server may take to end, in milliseconds. */
const SLACK_MILLIS = 3_000

const ask = async (connection: RawConnection, pipelineId: string, parameters: object): Promise<void> => {
  const body = JSON.stringify({ parameters, wait: true, timeout: 60 })
  await connection.request("POST", `/pipelines/${pipelineId}/execute`, {
    "content-type": "application/json",
    "content-length": String(body.length)
  })
  await connection.send(body)
}

/** Whether the server still accepts connections. */
const listens = async (server: Launched): Promise<boolean> => {
  try {
    const connection = await RawConnection.open(server)
    await connection.request("GET", "/health")
    const answer = await connection.answer()
    connection.destroy()
    return answer?.status === 200
  } catch {
    return false
  }
}

/** Declares the suite for `servers/<script>.ts` on a runtime. */
export const shutdownSuite = (name: string, runtime: Runtime, script: string): void => {
  describe(`SIGTERM to ${name}`, () => {
    const opened: Array<{ readonly destroy: () => void }> = []
    const servers: Array<Launched> = []
    afterEach(async () => {
      for (const connection of opened.splice(0)) connection.destroy()
      for (const server of servers.splice(0)) await server.close()
    })

    const serve = async (graceMillis: number): Promise<Launched> => {
      const server = await launch(runtime, script, { GRACE_MILLIS: String(graceMillis) })
      servers.push(server)
      return server
    }
    const open = async (server: Launched): Promise<RawConnection> => {
      const connection = await RawConnection.open(server)
      opened.push(connection)
      return connection
    }
    /** A client that waits for a running run of `pipelineId`, and its server. */
    const waiting = async (pipelineId: string, parameters: object, at: number | Launched) => {
      const server = typeof at === "number" ? await serve(at) : at
      const waiter = await open(server)
      await ask(waiter, pipelineId, parameters)
      await until("the run", async () => {
        const status = await fetch(`${server.url}/pipelines/${pipelineId}/status`)
        return ((await status.json()) as { readonly status: string }).status === "RUNNING" ? true : undefined
      })
      return { server, waiter }
    }
    const expectGone = async (server: Launched): Promise<void> => {
      expect(await server.ended).toEqual({ code: 0, signal: null })
      expect(await listens(server)).toBe(false)
    }

    test("an idle server ends", async () => {
      const server = await serve(10_000)
      expect((await execute(server, "my_pipeline", { data: "x" })).status).toBe(200)
      // A connection that is kept alive does not keep the server alive.
      const idle = await open(server)
      await idle.request("GET", "/health")
      expect((await idle.answer())?.status).toBe(200)
      server.terminate()
      await expectGone(server)
    })

    test("a run of one second finishes, and its answer is sent in full", async () => {
      const { server, waiter } = await waiting("slow", { millis: 1_000 }, 10_000)
      server.terminate()
      const answer = await waiter.answer()
      expect(answer?.status).toBe(200)
      expect(JSON.parse(answer!.body)).toMatchObject({ status: "COMPLETED", result: 1_000 })
      await expectGone(server)
    })

    test.for(["slow", "stubborn"])(
      "an endless run (%s) is cancelled after the grace period, and answered",
      async (id) => {
        const { server, waiter } = await waiting(id, id === "slow" ? { millis: 3_600_000 } : {}, 500)
        const begin = Date.now()
        server.terminate()
        const answer = await waiter.answer()
        expect(answer?.status).toBe(500)
        expect(JSON.parse(answer!.body)).toMatchObject({
          error: "PipelineCancelledError",
          pipeline_id: id,
          task_id: expect.any(String)
        })
        await expectGone(server)
        expect(Date.now() - begin).toBeLessThan(500 + SLACK_MILLIS)
      }
    )

    test("event streams deliver the end of running runs, and then end", async () => {
      const server = await serve(10_000)
      const [feed, socket, silent] = [
        await Listener.open(server, "/events"),
        await Connection.open(server),
        await Connection.open(server)
      ]
      await socket.ask({ type: "subscribe", pipeline_id: "slow" })
      // They listen before the run begins, so that it can't be over too early on a busy machine.
      const { waiter } = await waiting("slow", { millis: 500 }, server)
      server.terminate()
      expect((await waiter.answer())?.status).toBe(200)
      expect((await socket.closed)[0]).toBe(1001)
      expect((await silent.closed)[0]).toBe(1001)
      await feed.ended
      for (const { events } of [feed, socket]) expect(events.at(-1)).toMatchObject({ type: "PipelineCompleteEvent" })
      await expectGone(server)
    })

    test("requests during shutdown get 503, and no connection hangs", async () => {
      const { server, waiter } = await waiting("slow", { millis: 1_000 }, 10_000)
      // Connections from before the signal: one is in the middle of its request, one is idle.
      const half = await open(server)
      const body = JSON.stringify({ parameters: { data: "x" }, wait: true })
      await half.request("POST", "/pipelines/my_pipeline/execute", {
        "content-type": "application/json",
        "content-length": String(body.length)
      })
      await half.send(body.slice(0, 10))
      const idle = await open(server)
      await idle.request("GET", "/health")
      expect((await idle.answer())?.status).toBe(200)

      server.terminate()
      await until("the server to listen no more", async () => ((await listens(server)) ? undefined : true))
      await half.send(body.slice(10))
      await ask(idle, "my_pipeline", { data: "x" })
      for (const connection of [half, idle]) {
        const answer: RawAnswer | undefined = await connection.answer()
        if (answer === undefined) continue
        // Deno's shutdown drops the received half of a body, so there the body counts as ended early.
        if (runtime === "deno" && connection === half && answer.status === 400) continue
        expect(answer.status).toBe(503)
        expect(answer.headers.get("retry-after")).toMatch(/^\d+$/)
      }
      await expect(start(server, "my_pipeline", { data: "x" })).rejects.toThrow()
      // They did not cost the waiting client its answer.
      expect((await waiter.answer())?.status).toBe(200)
      await expectGone(server)
    })
  })
}
