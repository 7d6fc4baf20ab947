import type { JSX } from "preact"

export const PipelineView = (_: {
  readonly id: string
  readonly query: Readonly<Record<string, string>>
}): JSX.Element => <p />
