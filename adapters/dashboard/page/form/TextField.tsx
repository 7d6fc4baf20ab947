/** A field for a text or a number, with what the server says of it. */
import type { JSX } from "preact"
import { Complaint } from "./Field.tsx"

const NO_MESSAGES: ReadonlyArray<string> = []

export const TextField = ({
  label,
  note,
  value,
  messages = NO_MESSAGES,
  isNumber = false,
  change
}: {
  readonly label: string
  readonly note?: string
  readonly value: string
  readonly messages?: ReadonlyArray<string>
  readonly isNumber?: boolean
  readonly change: (value: string) => void
}): JSX.Element => (
  <label class="field">
    {label}
    <input
      inputMode={isNumber ? "decimal" : "text"}
      spellcheck={false}
      autoComplete="off"
      aria-invalid={messages.length > 0 || undefined}
      value={value}
      onInput={(event) => change(event.currentTarget.value)}
    />
    {note !== undefined && <small>{note}</small>}
    <Complaint messages={messages} />
  </label>
)

/** A number for the server, or the text as it is, which the server refuses with a reason. */
export const numberOf = (text: string): number | string | undefined => {
  const trimmed = text.trim()
  return trimmed === "" ? undefined : Number.isNaN(Number(trimmed)) ? trimmed : Number(trimmed)
}
