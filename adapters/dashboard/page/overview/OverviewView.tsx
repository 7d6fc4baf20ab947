import type { JSX } from "preact"

export const OverviewView = (): JSX.Element => <p />
