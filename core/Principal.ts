/** Who is calling, and what they may do. */

/** What an operation asks for. */
export type Permission = "read" | "execute" | "admin"

/** Whoever asks for something, before the guard knows who that is. */
export interface Caller {
  /** Where the request came from; undefined for calls of the host program itself, and where nobody knows. */
  readonly address: string | undefined
  /** Whether the request came over an encrypted connection. */
  readonly secure: boolean
}

/** Somebody that the guard knows. */
export interface Principal {
  readonly id: string
}

/** The program that Levada runs in. It may do everything: it has the tasks' code in its hands anyway. */
export const host: Caller = { address: undefined, secure: true }
