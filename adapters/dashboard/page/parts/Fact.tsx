/** A name and its value. Stands in a `<dl class="facts">` or `<dl class="figures">`. */
import type { ComponentChildren, JSX } from "preact"

export const Fact = ({
  name,
  children
}: {
  readonly name: string
  readonly children: ComponentChildren
}): JSX.Element => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)
