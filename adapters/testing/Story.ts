/** The events of a run as lines that a test can compare and a person can read. */
import type { Event } from "../../core/run/Event.ts"

/** One line for each event: milliseconds since the first one, what happened, where, and what of. */
export const story = (events: ReadonlyArray<Event>): ReadonlyArray<string> =>
  events.map((event) => [event.atMillis - events[0]!.atMillis, event.type, ...details(event)].join(" "))

const details = (event: Event): ReadonlyArray<string | number> => {
  switch (event.type) {
    case "RunStarted":
    case "RunCompleted":
      return []
    case "RunFailed":
      return [event.error.message]
    case "RunCancelled":
      return [event.reason]
    case "StepStarted":
      return [event.step, `#${event.attempt}`]
    case "StepCompleted":
      return [event.step, ...(event.arm === undefined ? [] : [event.arm]), ...(event.memoised ? ["memoised"] : [])]
    case "StepProgressed":
      return [event.step, `${event.done}/${event.total}`]
    case "StepRetried":
      return [place(event), `#${event.attempt}`, `after ${event.waitMillis} ms`]
    case "StepItemFailed":
      return [place(event), `#${event.attempt}`, event.error.message]
    case "StepReleased":
      return [place(event), `#${event.attempt}`, event.reason]
    case "StepFailed":
      return [event.step, event.error.message]
    case "StepSkipped":
    case "StepCancelled":
      return [event.step, event.reason]
  }
}

const place = ({ step, item }: { readonly step: string; readonly item?: number }): string =>
  item === undefined ? step : `${step}[${item}]`
