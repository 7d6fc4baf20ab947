import type { JSX } from "preact"

export const PipelinesView = (): JSX.Element => <p />
