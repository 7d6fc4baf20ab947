import type { JSX } from "preact"

export const SchedulesView = (): JSX.Element => <p />
