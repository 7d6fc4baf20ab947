/** Small pictures, drawn in the colour of the text around them. */
import type { JSX } from "preact"

const PATHS = {
  pending: "M8 2.75a5.25 5.25 0 1 0 0 10.5 5.25 5.25 0 0 0 0-10.5Z",
  running: "M5 3.2v9.6L13 8Z",
  completed: "m3.2 8.4 3.2 3.2 6.6-7",
  failed: "m4 4 8 8m0-8-8 8",
  cancelled: "M4 4h8v8H4Z",
  skipped: "M3 4.5 7 8l-4 3.5ZM8.5 4.5 12.5 8l-4 3.5Z",
  search: "M7 2.75a4.25 4.25 0 1 0 0 8.5 4.25 4.25 0 0 0 0-8.5Zm3.2 7.45 3.3 3.3",
  copy: "M5.5 5.5v-3h8v8h-3m-8-5h8v8h-8Z",
  chevron: "m6 3.5 4.5 4.5L6 12.5",
  retry: "M12.8 8A4.8 4.8 0 1 1 11 4.3M11.2 1.6v3h-3",
  pause: "M5.5 3.5v9m5-9v9",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.75 6V2.75H6m4 0h3.25V6m0 4v3.25H10m-4 0H2.75V10",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1v1.6m0 10.8V15M1 8h1.6m10.8 0H15M3 3l1.2 1.2m7.6 7.6L13 13M13 3l-1.2 1.2M4.2 11.8 3 13",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z",
  download: "M8 2.5v7.2m-3-3 3 3 3-3M2.75 13.25h10.5"
} as const

export type IconName = keyof typeof PATHS

const FILLED: ReadonlySet<IconName> = new Set(["running", "skipped", "cancelled"])

/** An icon. It says nothing to screen readers: a word stands beside it, or its button has a label. */
export const Icon = ({ name }: { readonly name: IconName }): JSX.Element => (
  <svg class={FILLED.has(name) ? "icon filled" : "icon"} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
)
