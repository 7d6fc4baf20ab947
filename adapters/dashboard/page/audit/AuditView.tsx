import type { JSX } from "preact"

export const AuditView = (_: { readonly query: Readonly<Record<string, string>> }): JSX.Element => <p />
