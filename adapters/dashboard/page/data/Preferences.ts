/** What the user prefers; the browser remembers it for all tabs. */
import { Signal } from "./Signal.ts"

export type Theme = "system" | "light" | "dark"
export type Zone = "local" | "utc"

const remembered = <A extends string>(key: string, values: ReadonlyArray<A>): Signal<A> => {
  const read = (text: string | null): A => values.find((value) => value === text) ?? values[0]!
  let found: string | null = null
  try {
    found = localStorage.getItem(key)
  } catch {
    // The browser allows no storage here.
  }
  const signal = new Signal(read(found))
  signal.subscribe(() => {
    try {
      localStorage.setItem(key, signal.value)
    } catch {
      // It holds until this tab closes.
    }
  })
  addEventListener("storage", (event) => {
    if (event.key === key) signal.set(read(event.newValue))
  })
  return signal
}

/** Light or dark, or what the system says. */
export const theme: Signal<Theme> = remembered("levada.theme", ["system", "light", "dark"])

/** The time zone of all instants. */
export const zone: Signal<Zone> = remembered("levada.zone", ["local", "utc"])
