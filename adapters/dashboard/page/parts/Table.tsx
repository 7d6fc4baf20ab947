/** A table of any rows. On a narrow screen each row is a card, in which a value stands behind the name of its column. */
import type { ComponentChildren, JSX } from "preact"
import { useState } from "preact/hooks"

/**
 * A column. `kind`: `wide` takes the place that is left, `mid` less; on a narrow screen both have a line of their own. `end` is for numbers, `when`
 * for instants, `state` for a status, `acts` for buttons.
 */
export type Column<A> = readonly [
  title: string,
  cell: (row: A) => ComponentChildren,
  kind: "wide" | "mid" | "end" | "when" | "state" | "acts"
]

/** `more`: how many rows are shown at first, and with each "more". */
export const Table = <A,>({
  label,
  rows,
  keyOf,
  columns,
  more = 50
}: {
  readonly label: string
  readonly rows: ReadonlyArray<A>
  readonly keyOf: (row: A) => string
  readonly columns: ReadonlyArray<Column<A>>
  readonly more?: number
}): JSX.Element => {
  const [limit, setLimit] = useState(more)
  return (
    <>
      <table class="list rows" aria-label={label}>
        <thead>
          <tr>
            {columns.map(([title, , kind]) => (
              <th key={title} class={kind}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, limit).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(([title, cell, kind]) => (
                <td key={title} class={kind} data-label={title}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > limit && (
        <p>
          <button type="button" onClick={() => setLimit(limit + more)}>
            Show {Math.min(more, rows.length - limit)} more of {countText(rows.length)}
          </button>
        </p>
      )}
    </>
  )
}

/** A count as text: `12,345`. */
export const countText = (count: number): string => count.toLocaleString("en")

/** A text in one line, cut off where its place ends; all of it is in the title. */
export const Clipped = ({
  text,
  href,
  note
}: {
  readonly text: string
  readonly href?: string | undefined
  /** Follows the text. */
  readonly note?: string | false | null
}): JSX.Element => {
  const parts = (
    <>
      <bdi>{text}</bdi>
      {note && <small class="faint"> {note}</small>}
    </>
  )
  const title = note ? `${text}, ${note}` : text
  return href === undefined ? (
    <span class="clipped" title={title}>
      {parts}
    </span>
  ) : (
    <a class="clipped" title={title} href={href}>
      {parts}
    </a>
  )
}
