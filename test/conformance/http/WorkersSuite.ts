/** The workers, and what they run. */
import { expect, test } from "vitest"
import {
  detailPaths,
  get,
  INSTANT,
  type Json,
  keysOf,
  newName,
  post,
  type Server,
  start,
  until
} from "../../http/harness/Client.ts"

export const workersSuite = (server: Server): void => {
  test("GET /workers has the worker that runs a step, and the step among its claims until it ends", async () => {
    const taskId = await start(server, "held", { gate: newName() })
    const held = (): Promise<Json> =>
      until("the claim", async () => {
        const { workers } = (await get(server, "/workers")).json
        return workers.find(({ claims }: Json) =>
          claims.some((claim: Json) => claim.task_id === taskId && claim.step === "hold")
        )
      })
    const worker = await held()
    expect(keysOf(worker)).toEqual(["claims", "id", "running", "seen_at"])
    expect(worker.running).toBeGreaterThanOrEqual(worker.claims.length)
    const claim = worker.claims.find(({ task_id }: Json) => task_id === taskId)
    expect(claim).toEqual({
      task_id: taskId,
      pipeline_id: "held",
      step: "hold",
      item: null,
      attempt: 1,
      claimed_at: expect.stringMatching(INSTANT)
    })
    await post(server, `/runs/${taskId}/cancel`, {})
    await until("the end of the claim", async () => {
      const { workers } = (await get(server, "/workers")).json
      const left = workers.flatMap(({ claims }: Json) => claims).filter(({ task_id }: Json) => task_id === taskId)
      return left.length === 0 ? true : undefined
    })
    const [seen] = await until("its presence", async () => {
      const { workers } = (await get(server, "/workers?limit=1")).json
      return workers[0]?.seen_at === null ? undefined : workers
    })
    expect(seen.seen_at).toMatch(INSTANT)
    const past = await get(server, "/workers?cursor=999999")
    expect(past.json).toEqual({ workers: [], next_cursor: null })
  })

  test("GET /workers refuses invalid pages", async () => {
    for (const [query, paths] of [
      ["limit=0", ["limit"]],
      ["limit=201", ["limit"]],
      ["limit=x&cursor=-1", ["cursor", "limit"]],
      ["cursor=1e3", ["cursor"]]
    ] as const) {
      const answer = await get(server, `/workers?${query}`)
      expect([answer.status, detailPaths(answer)], query).toEqual([400, paths])
    }
  })
}
