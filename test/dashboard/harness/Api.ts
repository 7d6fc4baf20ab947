/** The API of a demo, which the page has to agree with. */
import type { RunDetail } from "../../../adapters/http/runs/RunWire.ts"
import type { Demo } from "./DemoServer.ts"

/** The JSON of an answer. */
export const read = async <A>({ url }: Pick<Demo, "url">, path: string): Promise<A> =>
  (await (await fetch(url + path)).json()) as A

/** A run with its values. */
export const runOf = (demo: Pick<Demo, "url">, runId: string): Promise<RunDetail> =>
  read<RunDetail>(demo, `/runs/${runId}`)

/** The complaints without those of Chromium about answers of these statuses. */
export const without = (complaints: ReadonlyArray<string>, ...statuses: ReadonlyArray<number>): ReadonlyArray<string> =>
  complaints.filter(
    (text) =>
      !statuses.some((status) =>
        text.startsWith(`Failed to load resource: the server responded with a status of ${status} `)
      )
  )
