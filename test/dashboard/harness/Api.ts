/** What the API says, to compare the page with. */
import type { Page } from "playwright-core"
import { expect } from "vitest"
import type { RunDetail } from "../../../adapters/http/runs/RunWire.ts"
import type { Demo } from "./DemoServer.ts"

/** How long and how often tests look. They go on as soon as the page is as they expect. */
export const SOON = { timeout: 20_000, interval: 50 } as const

/** A run, as far as the tests compare it. */
export interface Run {
  readonly task_id: string
  readonly status: string
  readonly steps: ReadonlyArray<{ readonly name: string; readonly status: string; readonly attempts: number }>
}

/** The JSON of an answer. */
export const ask = async <A>(url: string, path: string, key?: string): Promise<A> =>
  (await (await fetch(url + path, { headers: key === undefined ? {} : { "x-api-key": key } })).json()) as A

const word = (status: string): string => status[0] + status.slice(1).toLowerCase()

/** Waits until the page of a run shows what `GET /runs/{id}` says: its status, and each step's status and attempts. */
export const expectAsApi = async (page: Page, url: string, id: string): Promise<void> => {
  await expect
    .poll(async () => {
      const run = await ask<Run>(url, `/runs/${id}`)
      const rows = page.locator("table.steps tbody tr:not(.panel)")
      const shown = await rows.evaluateAll((found) =>
        found.map((row) => {
          const [name, status, attempts] = Array.from(row.querySelectorAll("td"))
          const text = status!.querySelector(".status")!.firstElementChild!.nextSibling!.textContent
          return [name!.querySelector("bdi")!.textContent, text, attempts!.textContent]
        })
      )
      return {
        shown: [await page.locator("h1 .status").textContent(), ...shown],
        expected: [
          word(run.status),
          ...run.steps.map(({ name, status, attempts }) => [
            name,
            word(status),
            attempts === 0 ? "–" : String(attempts)
          ])
        ]
      }
    }, SOON)
    .toSatisfy(
      ({ shown, expected }: { shown: unknown; expected: unknown }) => JSON.stringify(shown) === JSON.stringify(expected)
    )
}

/** The complaints of a browser that are not about requests that failed with this error or status. */
export const without = (complaints: ReadonlyArray<string>, expected: RegExp): ReadonlyArray<string> =>
  complaints.filter((text) => !text.startsWith("Failed to load resource: ") || !expected.test(text))

/** What Chromium logs of a request that a cut connection ended. */
export const CUT: RegExp = /net::ERR_(?:CONNECTION_\w+|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|SOCKET_NOT_CONNECTED)/

/** The JSON of an answer. */
export const read = async <A>({ url }: Pick<Demo, "url">, path: string): Promise<A> =>
  (await (await fetch(url + path)).json()) as A

/** A run with its values. */
export const runOf = (demo: Pick<Demo, "url">, runId: string): Promise<RunDetail> =>
  read<RunDetail>(demo, `/runs/${runId}`)

/** The complaints without those of Chromium about answers of these statuses. */
export const withoutStatuses = (
  complaints: ReadonlyArray<string>,
  ...statuses: ReadonlyArray<number>
): ReadonlyArray<string> =>
  complaints.filter(
    (text) =>
      !statuses.some((status) =>
        text.startsWith(`Failed to load resource: the server responded with a status of ${status} `)
      )
  )
