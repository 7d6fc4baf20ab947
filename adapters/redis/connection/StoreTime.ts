/** The time of a Store on Redis: the server's, which does not go back here even when the server's clock does. */
import type { Client } from "./Scripts.ts"

/** What the server's clock says, and how far the Store's is ahead of it. */
export interface StoreTime {
  /** The Store's instant, in milliseconds since 1970. */
  readonly nowMillis: number
  readonly serverMillis: number
  /** How far the Store's clock is ahead because the server's was set back, in milliseconds. */
  readonly skewMillis: number
}

/** Reads the time. Changes nothing. */
export const read = async (client: Client, prefix: string): Promise<StoreTime> => {
  const [[seconds, micros], latest, skew] = await Promise.all([
    client.time() as unknown as Promise<[number, number]>,
    client.get(`${prefix}clock`),
    client.hget(`${prefix}meta`, "skew")
  ])
  const serverMillis = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
  const skewMillis = Number(skew ?? 0)
  return {
    nowMillis: Math.max(serverMillis + skewMillis, Number((latest ?? "0").split(" ")[0])),
    serverMillis,
    skewMillis
  }
}
