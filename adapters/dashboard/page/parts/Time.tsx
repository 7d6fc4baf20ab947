/** Instants and durations. */
import type { JSX } from "preact"
import { useEffect, useState } from "preact/hooks"
import { zone } from "../data/Preferences.ts"
import { useSignal } from "../data/Signal.ts"

const formats = new Map<string, Intl.DateTimeFormat>()

const format = (zoneName: "local" | "utc", options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const key = `${zoneName} ${JSON.stringify(options)}`
  let found = formats.get(key)
  if (found === undefined) {
    found = new Intl.DateTimeFormat("en-GB", { ...options, ...(zoneName === "utc" && { timeZone: "UTC" }) })
    formats.set(key, found)
  }
  return found
}

const SHORT = { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" } as const

/** An instant as text: `29 Nov, 14:31:05`. With the year when it is another one. */
export const instantText = (at: string | number, zoneName: "local" | "utc"): string => {
  const date = new Date(at)
  const isThisYear = date.getFullYear() === new Date().getFullYear()
  return format(zoneName, isThisYear ? SHORT : { ...SHORT, year: "numeric" }).format(date)
}

/** The time of day: `14:31`. */
export const clockText = (at: string | number, zoneName: "local" | "utc"): string =>
  format(zoneName, { hour: "2-digit", minute: "2-digit" }).format(new Date(at))

/** An absolute instant in the chosen time zone; its title has it in full, in UTC, as the API takes it. */
export const Time = ({ at }: { readonly at: string | null }): JSX.Element => {
  const zoneName = useSignal(zone)
  if (at === null) return <span class="faint">–</span>
  return (
    <time dateTime={at} title={at}>
      {instantText(at, zoneName)}
    </time>
  )
}

/** The name of a time zone: `UTC`, `UTC+1`. */
export const zoneLabel = (zoneName: "local" | "utc"): string => {
  if (zoneName === "utc") return "UTC"
  const minutes = -new Date().getTimezoneOffset()
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `Local (UTC${minutes < 0 ? "−" : "+"}${hours}${rest === 0 ? "" : `:${String(rest).padStart(2, "0")}`})`
}

/** A duration as text: `340 ms`, `1.2 s`, `3 min 4 s`, `2 h 5 min`, `3 d 4 h`. */
export const durationText = (millis: number): string => {
  if (millis < 999.5) return `${Math.round(millis)} ms`
  if (millis < 59_950) return `${Math.round(millis / 100) / 10} s`
  const seconds = Math.round(millis / 1_000)
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  const hours = Math.round(minutes / 60)
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** The time now, updated once a second while `isOn`. */
export const useNow = (isOn: boolean): number => {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    if (!isOn) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [isOn])
  return now
}

/** How long something took, or has taken so far. */
export const Duration = ({
  from,
  millis,
  isRunning = false
}: {
  readonly from: string | null
  readonly millis: number | null
  readonly isRunning?: boolean
}): JSX.Element => {
  const now = useNow(isRunning && from !== null)
  if (millis !== null) return <span class="number">{durationText(millis)}</span>
  if (!isRunning || from === null) return <span class="faint">–</span>
  return <span class="number">{durationText(Math.max(0, now - Date.parse(from)))}…</span>
}
