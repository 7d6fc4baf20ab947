/** A large figure with its name. Stands in a `<dl class="figures">`. */
import type { ComponentChildren, JSX } from "preact"

export const Figure = ({
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
