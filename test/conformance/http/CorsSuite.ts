/** What pages of other origins may do: nothing, unless the program names them. */
import { describe, expect, test } from "vitest"
import { KEYS, ORIGIN } from "../../fixtures/access.ts"
import { type Answer, ask, type Server } from "../../http/harness/Client.ts"
import { apiKey } from "../../http/harness/Credentials.ts"
import type { Servers } from "./ProxiesSuite.ts"

const STRANGERS = [
  "https://evil.example.com",
  "null",
  `${ORIGIN}.evil.com`,
  "https://evilapp.example.com",
  "http://app.example.com",
  `${ORIGIN}:8443`,
  `${ORIGIN}/`,
  `${ORIGIN},https://evil.example.com`,
  "*",
  "https://",
  "file://"
]

const allowed = ({ headers }: Answer): ReadonlyArray<readonly [string, string]> =>
  [...headers].filter(([name]) => name.startsWith("access-control-"))

const varies = ({ headers }: Answer): boolean => /\borigin\b/i.test(headers.get("vary") ?? "")

export const crossing = (secured: Server, { limited, forwarded, strict, exposed }: Servers): void => {
  const page = (server: Server, origin: string, path = "/pipelines", headers = {}): Promise<Answer> =>
    ask(server, "GET", path, {
      headers: { origin, ...apiKey(KEYS.owner), "x-forwarded-proto": "https", forwarded: "proto=https", ...headers }
    })
  const preflight = (server: Server, origin: string, path: string, method = "POST"): Promise<Answer> =>
    ask(server, "OPTIONS", path, {
      headers: {
        origin,
        "access-control-request-method": method,
        "access-control-request-headers": "x-api-key, content-type, x-evil"
      }
    })

  test("it is closed unless the program opens it", async () => {
    for (const server of [strict, exposed]) {
      for (const origin of [ORIGIN, ...STRANGERS]) {
        expect(allowed(await page(server, origin))).toEqual([])
        expect(allowed(await preflight(server, origin, "/pipelines"))).toEqual([])
      }
    }
  })

  test("named origins may read answers, errors among them; with cookies where that is said", async () => {
    for (const path of ["/pipelines", "/health", "/absent", "/pipelines/absent"]) {
      const answer = await page(secured, ORIGIN, path)
      expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN)
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull()
      expect(answer.headers.get("access-control-expose-headers")).toContain("x-request-id")
      expect(varies(answer)).toBe(true)
    }
    const stranger = await page(secured, ORIGIN, "/pipelines", { "x-api-key": "none" })
    expect([stranger.status, stranger.headers.get("access-control-allow-origin")]).toEqual([403, ORIGIN])
    for (const origin of [ORIGIN, "http://localhost:3000"]) {
      const { headers } = await page(limited, origin)
      expect([headers.get("access-control-allow-origin"), headers.get("access-control-allow-credentials")]).toEqual([
        origin,
        "true"
      ])
    }
  })

  test("no other origin may, and none is given back as if it might", async () => {
    for (const server of [secured, limited]) {
      for (const origin of STRANGERS) {
        for (const answer of [await page(server, origin), await preflight(server, origin, "/pipelines")]) {
          expect(allowed(answer), origin).toEqual([])
          expect(varies(answer), origin).toBe(true)
          expect(JSON.stringify([...answer.headers])).not.toContain("evil")
        }
      }
      expect(varies(await ask(server, "GET", "/health"))).toBe(true)
    }
  })

  test("where all may, it is said so, and never with cookies", async () => {
    for (const origin of [ORIGIN, ...STRANGERS]) {
      const { headers } = await page(forwarded, origin, "/health")
      expect(headers.get("access-control-allow-origin")).toBe("*")
      expect(headers.get("access-control-allow-credentials")).toBeNull()
    }
  })

  describe("a browser that asks first", () => {
    test("needs no credentials, and is told what it may send", async () => {
      const { status, headers, text } = await preflight(secured, ORIGIN, "/pipelines/flow_00/execute")
      expect([status, text]).toEqual([204, ""])
      expect(headers.get("access-control-allow-origin")).toBe(ORIGIN)
      expect(headers.get("access-control-allow-methods")).toBe("POST, OPTIONS")
      expect(headers.get("access-control-allow-headers")).toMatch(/\bauthorization\b.*\bx-api-key\b/)
      expect(headers.get("access-control-allow-headers")).not.toContain("evil")
      expect(headers.get("access-control-max-age")).toBe("600")
      expect(headers.get("www-authenticate")).toBeNull()
      // Over HTTP as well: a browser asks without whatever would let it in.
      expect((await preflight(limited, ORIGIN, "/pipelines")).status).toBe(204)
    })

    test("is told the same of what is there, what is not, and what nobody may", async () => {
      const seen = async (path: string, method: string): Promise<unknown> => {
        const { status, headers, text } = await preflight(secured, ORIGIN, path, method)
        return [status, [...headers].filter(([name]) => name !== "date" && name !== "x-request-id"), text]
      }
      for (const method of ["GET", "DELETE", "PATCH"]) {
        expect(await seen("/pipelines/flow_00", method)).toEqual(await seen("/pipelines/flow_99", method))
      }
      expect((await preflight(secured, ORIGIN, "/absent")).status).toBe(404)
    })
  })
}
