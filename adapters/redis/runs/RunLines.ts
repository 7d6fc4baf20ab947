/** Reads the log lines of a run. */
import type { Lines } from "../../../core/task/Log.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { ANSWER_BYTES } from "./Fields.ts"
import { readLine } from "./RunCode.ts"

/** How often reading starts over because older lines were dropped meanwhile. */
const MAX_READS = 5

type Answer = readonly [header: string | null, dropped: string | null, lines: ReadonlyArray<string>, isEnd: 0 | 1]

/** Reads the log lines of a run; undefined when the run does not exist. */
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
      // Dropping lines has moved the others up: going on would skip some.
      if (dropped !== droppedBefore && reads < MAX_READS) break
      for (const line of some) lines.push(line)
      if (isEnd === 1) return { lines: lines.map(readLine), dropped }
    }
  }
}
