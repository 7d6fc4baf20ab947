/** Parts of a view, of which one is shown. The chosen one is in the URL. */
import type { JSX } from "preact"

/** One tab. */
export interface Tab {
  readonly id: string
  readonly title: string
  /** How many things it holds. */
  readonly count?: number | undefined
}

/** Links to the tabs. */
export const Tabs = ({
  label,
  tabs,
  current,
  hrefOf
}: {
  readonly label: string
  readonly tabs: ReadonlyArray<Tab>
  readonly current: string
  readonly hrefOf: (id: string) => string
}): JSX.Element => (
  <nav class="tabs" aria-label={label}>
    {tabs.map(({ id, title, count }) => (
      <a key={id} href={hrefOf(id)} aria-current={id === current ? "page" : undefined}>
        {title}
        {count !== undefined && <span class="count">{count.toLocaleString("en")}</span>}
      </a>
    ))}
  </nav>
)
