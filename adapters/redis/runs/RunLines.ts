/** The lines of a run as they are kept on Redis. */
import type { Lines } from "../../../core/task/Log.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { ANSWER_BYTES } from "./Fields.ts"
import { readLine } from "./RunCode.ts"

/** How often they are read anew, when older ones were dropped while they were read. */
const MAX_READS = 5

type Answer = readonly [header: string | null, dropped: string | null, lines: ReadonlyArray<string>, isEnd: 0 | 1]

/** Reads the lines of a run; nothing when it is not there. */
export const readLines = async (scripts: Scripts, runId: string): Promise<Lines | undefined> => {
  for (let reads = 1; ; reads++) {
    const lines: Array<string> = []
    let droppedBefore: number | undefined
    while (true) {
      const args = [runId, lines.length, ANSWER_BYTES]
      const [header, text, some, isEnd] = (await scripts.call("lines", args)) as Answer
      if (header === null) return undefined
      const dropped = Number(text ?? 0)
      droppedBefore ??= dropped
      // The others have moved up, so some would be passed over.
      if (dropped !== droppedBefore && reads < MAX_READS) break
      for (const line of some) lines.push(line)
      if (isEnd === 1) return { lines: lines.map(readLine), dropped }
    }
  }
}
