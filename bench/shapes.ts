/** The sizes of the shapes that are measured, and the work of each step, here and in the peers. */

export type Shape = "flat" | "chain" | "diamond" | "fan"

/** Adds one to the sum of the inputs. */
export const add = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 1)

/** The number of parallel steps in `fan`, between its first and its last. */
export const WIDTH = 100

/** The number of consecutive steps in `chain`. */
export const LENGTH = 10
