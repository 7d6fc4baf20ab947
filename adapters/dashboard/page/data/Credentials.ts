/**
 * The credentials of this tab. They stay in memory. If the user asks for it, the session storage of this tab keeps them as
 * well, until it closes; they are never in a URL or in the local storage.
 */
import { Signal } from "./Signal.ts"

/** An API key or a bearer token. */
export interface Credentials {
  readonly kind: "key" | "token"
  readonly secret: string
}

const STORED = "levada.credentials"

const stored = (): Credentials | undefined => {
  try {
    const found = JSON.parse(sessionStorage.getItem(STORED) ?? "null") as Partial<Credentials> | null
    return found !== null && (found.kind === "key" || found.kind === "token") && typeof found.secret === "string"
      ? { kind: found.kind, secret: found.secret }
      : undefined
  } catch {
    // The browser allows no storage here, or another program wrote there.
    return undefined
  }
}

/** The credentials that requests are sent with; undefined: none. */
export const credentials: Signal<Credentials | undefined> = new Signal(stored())

/** Takes credentials. `isKept`: whether a reload of this tab should still have them. */
export const setCredentials = (next: Credentials, isKept: boolean): void => {
  try {
    if (isKept) sessionStorage.setItem(STORED, JSON.stringify(next))
    else sessionStorage.removeItem(STORED)
  } catch {
    // Without storage they live in memory only.
  }
  credentials.set(next)
}

/** Forgets the credentials, and all that was loaded with them. */
export const signOut = (): void => {
  try {
    sessionStorage.removeItem(STORED)
  } catch {
    // Nothing was kept.
  }
  location.reload()
}
