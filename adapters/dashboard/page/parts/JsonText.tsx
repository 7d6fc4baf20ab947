/** JSON for people: indented, with colours, in parts when it is long. */
import type { JSX } from "preact"
import { useMemo, useState } from "preact/hooks"

const SIGN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** How much is coloured, and how much is shown at first, in characters. */
const COLOURED = 20_000
const SHOWN = 50_000

/** The text in parts, each with the class of its colour. */
const coloured = (text: string): ReadonlyArray<JSX.Element | string> => {
  const parts: Array<JSX.Element | string> = []
  let end = 0
  for (const match of text.matchAll(SIGN)) {
    parts.push(text.slice(end, match.index))
    end = match.index + match[0].length
    const [sign, string, colon] = match
    const kind = string === undefined ? "json-plain" : colon === undefined ? "json-text" : "json-key"
    parts.push(<span class={kind}>{sign}</span>)
  }
  parts.push(text.slice(end))
  return parts
}

/** A JSON value. `text` is its JSON. */
export const JsonText = ({ text }: { readonly text: string }): JSX.Element => {
  const [limit, setLimit] = useState(SHOWN)
  const pretty = useMemo(() => {
    try {
      return JSON.stringify(JSON.parse(text), undefined, 2)
    } catch {
      return text
    }
  }, [text])
  const shown = pretty.slice(0, limit)
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long value scrolls, and the keyboard must be able to do it */}
      <pre class="json" tabIndex={0}>
        {shown.length <= COLOURED ? coloured(shown) : shown}
      </pre>
      {pretty.length > limit && (
        <button type="button" onClick={() => setLimit(4 * limit)}>
          Show more ({(pretty.length - limit).toLocaleString("en")} characters are left)
        </button>
      )}
    </>
  )
}
