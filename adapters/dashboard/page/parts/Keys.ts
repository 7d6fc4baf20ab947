/** Keys that act anywhere on the page, except while the user types or a dialog is open. */
import { useEffect, useRef } from "preact/hooks"

export interface Keys {
  readonly [key: string]: () => void
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

/** Listens while the component is shown. */
export const useKeys = (keys: Keys): void => {
  const current = useRef(keys)
  current.current = keys
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
      if (isTyping(event.target) || document.querySelector("dialog[open]") !== null) return
      if (!Object.hasOwn(current.current, event.key)) return
      event.preventDefault()
      current.current[event.key]!()
    }
    addEventListener("keydown", listen)
    return () => removeEventListener("keydown", listen)
  }, [])
}

/** Every key, for the list that `?` shows. */
export const KEY_LIST: ReadonlyArray<readonly [keys: string, what: string]> = [
  ["/", "Search and filter"],
  ["j, k", "Next row, previous row"],
  ["Enter", "Open the row"],
  ["x", "Select the row"],
  ["r", "Load again"],
  ["1 … 5", "Runs, pipelines, schedules, overview, audit"],
  ["Esc", "Close a dialog, leave a field, go back to the list"],
  ["?", "This list"]
]
