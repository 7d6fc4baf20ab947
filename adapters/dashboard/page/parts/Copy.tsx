/** A text that can be copied. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { Icon } from "./Icon.tsx"

/** The text in a fixed-width font, with a button that copies it. */
export const Copy = ({ text, what }: { readonly text: string; readonly what: string }): JSX.Element => {
  const [isCopied, setCopied] = useState(false)
  return (
    <span class="copy">
      <code>{text}</code>
      <button
        type="button"
        class="plain"
        aria-label={`Copy ${what}`}
        title={`Copy ${what}`}
        onClick={() => {
          // Browsers have no clipboard on plain HTTP to another machine; the text can be selected there.
          navigator.clipboard?.writeText(text).then(
            () => setCopied(true),
            () => setCopied(false)
          )
        }}
      >
        <Icon name={isCopied ? "completed" : "copy"} />
      </button>
      <span class="hidden" role="status">
        {isCopied ? "Copied" : ""}
      </span>
    </span>
  )
}
