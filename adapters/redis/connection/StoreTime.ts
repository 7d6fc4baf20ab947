/** The clock of a Store on Redis: the server's clock, except that it never goes back. */

import { KEY } from "../lua/Codes.ts"
import type { Client } from "./Scripts.ts"

/** The times of the server's clock and of the Store's clock. */
export interface StoreTime {
  /** The time of the Store's clock, in milliseconds since 1970. */
  readonly nowMillis: number
  /** The time of the server's clock, in milliseconds since 1970. */
  readonly serverMillis: number
  /** How far the Store's clock is ahead of the server's, which was set back, in milliseconds. */
  readonly skewMillis: number
}

/** Reads the time. Changes nothing. */
export const read = async (client: Client, prefix: string): Promise<StoreTime> => {
  const [[seconds, micros], latest, skew] = await Promise.all([
    client.time() as unknown as Promise<[number, number]>,
    client.get(`${prefix}${KEY.clock}`),
    client.hget(`${prefix}${KEY.meta}`, "skew")
  ])
  const serverMillis = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
  const skewMillis = Number(skew ?? 0)
  return {
    nowMillis: Math.max(serverMillis + skewMillis, Number((latest ?? "0").split(" ")[0])),
    serverMillis,
    skewMillis
  }
}
