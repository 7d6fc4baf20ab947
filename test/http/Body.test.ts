/** How long a body is waited for: longer than tests of servers could wait. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as Body from "../../adapters/http/server/Body.ts"
import type { HttpReply, HttpRequest } from "../../adapters/http/server/Message.ts"
import { Levada } from "../../adapters/promise/index.ts"
import { choices, KEYS } from "../fixtures/access.ts"
import { guide } from "../fixtures/pipelines.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const MAX = 1_000

/** A request whose body comes when it is told to. */
const request = (headers: Readonly<Record<string, string>> = {}) => {
  const coming = Promise.withResolvers<Uint8Array | "too-large">()
  const asked = vi.fn(() => coming.promise)
  const made: HttpRequest = {
    method: "POST",
    path: "/pipelines/my_pipeline/execute",
    query: "",
    header: (name) => ({ "content-type": "application/json", ...headers })[name],
    body: asked,
    address: "198.51.100.1",
    secure: false,
    onAbort: () => undefined
  }
  return { made, asked, arrive: (text: string) => coming.resolve(new TextEncoder().encode(text)), fail: coming.reject }
}

describe("a body that does not come", () => {
  it("is waited for 30 s, and then a 408", async () => {
    const { made } = request()
    const seen = vi.fn()
    void Body.read(made, MAX).then(seen)
    await vi.advanceTimersByTimeAsync(29_999)
    expect(seen).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(seen.mock.calls[0]![0]).toMatchObject({ failure: { status: 408, error: "BodyTooSlowError" } })
  })

  it("and comes just in time is read, and leaves no timer behind", async () => {
    const { made, arrive } = request()
    const read = Body.read(made, MAX)
    await vi.advanceTimersByTimeAsync(29_999)
    arrive('{"wait":true}')
    expect(await read).toMatchObject({ success: { wait: true } })
    expect(vi.getTimerCount()).toBe(0)
  })

  it("nor ever will ends the wait, and leaves no timer behind", async () => {
    const { made, fail } = request()
    const read = Body.read(made, MAX)
    fail(new Error("gone"))
    await expect(read).rejects.toThrow("gone")
    expect(vi.getTimerCount()).toBe(0)
  })

  it("and is too long by its own word is a 413 at once, and leaves no timer behind once it has ended", async () => {
    const { made, arrive } = request({ "content-length": "1001" })
    expect(await Body.read(made, MAX)).toMatchObject({ failure: { status: 413 } })
    arrive("")
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe("on a secured server", () => {
  it("nobody's body is asked for before it is known who they are", async () => {
    const levada = Levada.make({ pipelines: [guide], worker: false, ...choices.secured() })
    const refused: ReadonlyArray<readonly [status: number, headers: Readonly<Record<string, string>>]> = [
      [401, {}],
      [401, { authorization: "Bearer x.y.z" }],
      [403, { "x-api-key": "none" }]
    ]
    for (const [status, headers] of refused) {
      const { made, asked } = request(headers)
      expect((await levada.handler(made)).status).toBe(status)
      expect(asked).not.toHaveBeenCalled()
    }
    const { made, asked, arrive } = request({ "x-api-key": KEYS.runner })
    const reply = levada.handler(made) as Promise<HttpReply>
    expect(asked).toHaveBeenCalledOnce()
    arrive("{}")
    expect((await reply).status).toBe(403)
    await levada.close()
  })
})
