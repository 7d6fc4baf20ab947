/** Loads dagre when a picture needs it, because not every program installs it. */
import type { Engine } from "../../core/render/FlatGraph.ts"
import { engineOf, LIMITS } from "./DagreEngine.ts"

export { LIMITS }

/** The engine; undefined if `@dagrejs/dagre` is not installed. */
export const load = async (): Promise<Engine | undefined> => {
  // Within `try`, so that bundlers accept a missing package.
  try {
    return engineOf(await import("@dagrejs/dagre"))
  } catch {
    return undefined
  }
}
