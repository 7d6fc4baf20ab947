/** A table that is loaded every 5 seconds. */

import type { JSX } from "preact"
import { useFresh } from "../data/Refresh.ts"
import { Loaded } from "../parts/Problem.tsx"
import { type Column, Table } from "../parts/Table.tsx"

export const FreshTable = <Answer, Row>({
  title,
  path,
  rowsOf,
  keyOf,
  columns
}: {
  readonly title: string
  readonly path: string
  readonly rowsOf: (answer: Answer) => ReadonlyArray<Row>
  readonly keyOf: (row: Row) => string
  readonly columns: ReadonlyArray<Column<Row>>
}): JSX.Element => {
  const answer = useFresh<Answer>(path)
  return (
    <>
      <h2>{title}</h2>
      <Loaded of={answer}>
        {(data) =>
          rowsOf(data).length === 0 ? (
            <p class="faint">There are none.</p>
          ) : (
            <Table label={title} rows={rowsOf(data)} keyOf={keyOf} columns={columns} />
          )
        }
      </Loaded>
    </>
  )
}
