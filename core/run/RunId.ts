/** Ids of runs. */
import type * as Random from "effect/Random"

/** A new id: ids sort by time of submission and carry 100 random bits. */
export const newId = (nowMillis: number, random: typeof Random.Random.Service): string =>
  digits(nowMillis) + digits(random.nextDoubleUnsafe() * 2 ** 50) + digits(random.nextDoubleUnsafe() * 2 ** 50)

// Looking up pairs of digits is faster than formatting numbers.
const PAIRS: ReadonlyArray<string> = Array.from({ length: 2 ** 10 }, (_, pair) => pair.toString(32).padStart(2, "0"))

/** Ten digits of base 32. */
const digits = (value: number): string => {
  const high = Math.floor(value / 2 ** 30)
  const low = Math.floor(value - high * 2 ** 30)
  return (
    PAIRS[high >> 10]! + PAIRS[high & 1_023]! + PAIRS[low >> 20]! + PAIRS[(low >> 10) & 1_023]! + PAIRS[low & 1_023]!
  )
}
