/** The attempts of steps, as `GET /runs/{task_id}/steps/{step}/attempts` answers them. */
import { useEffect, useState } from "preact/hooks"
import type { AttemptRow, AttemptsJson } from "../../../http/runs/RunPartWire.ts"
import { path, sendJson } from "../data/Connection.ts"
import type { Outline, StepDetail } from "./Outline.ts"

/** The path of a step's attempts. */
export const attemptsPath = (run: Outline, step: StepDetail): string =>
  path`/runs/${run.task_id}/steps/${step.name}/attempts`

/** The timeline has all attempts of so many retried steps; of further ones it has the last. */
const MAX_STEPS = 30

/** The attempts of retried steps by name, loaded again when one of the steps changes. */
export const useEarlierAttempts = (run: Outline): ReadonlyMap<string, ReadonlyArray<AttemptRow>> => {
  const [found, setFound] = useState<ReadonlyMap<string, ReadonlyArray<AttemptRow>>>(new Map())
  const retried = run.steps
    .filter(({ attempts, error, status }) => attempts > 1 || (attempts === 1 && error !== null && status === "PENDING"))
    .slice(0, MAX_STEPS)
  const key = JSON.stringify(retried.map(({ name, status, attempts }) => [name, status, attempts]))
  useEffect(() => {
    const stop = new AbortController()
    const load = async (): Promise<void> => {
      for (const step of retried) {
        const { attempts } = await sendJson<AttemptsJson>(attemptsPath(run, step), { signal: stop.signal })
        setFound((last) => new Map(last).set(step.name, attempts))
      }
    }
    // Without them the timeline has the last attempt of each step.
    load().catch(() => undefined)
    return () => stop.abort()
  }, [run.task_id, key])
  return found
}
