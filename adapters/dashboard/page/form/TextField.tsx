/** Fields for a text, a number or a choice, with what the server says of them. */
import type { JSX } from "preact"
import { Complaint } from "./Field.tsx"

interface Props {
  readonly label: string
  readonly value: string
  readonly change: (value: string) => void
  readonly note?: string
  readonly messages?: ReadonlyArray<string>
}

const NO_MESSAGES: ReadonlyArray<string> = []

export const TextField = ({
  label,
  note,
  value,
  messages = NO_MESSAGES,
  isNumber = false,
  change
}: Props & { readonly isNumber?: boolean }): JSX.Element => (
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

/** The choices by their values. */
export const SelectField = ({
  label,
  choices,
  value,
  messages = NO_MESSAGES,
  change
}: Props & { readonly choices: { readonly [value: string]: string } }): JSX.Element => (
  <label class="field">
    {label}
    <select value={value} onChange={(event) => change(event.currentTarget.value)}>
      {Object.entries(choices).map(([name, title]) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </select>
    <Complaint messages={messages} />
  </label>
)
