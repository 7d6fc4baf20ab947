/** A wall clock that is wrong, for one process. Imported before anything else reads the clock. */

/** The right time, in milliseconds since 1970. */
export const trueNow: () => number = Date.now

const told = process.env["CHAOS"]
let off = told === undefined ? 0 : (JSON.parse(told) as { readonly offMillis: number }).offMillis

Date.now = () => trueNow() + off

/** From now on the clock is off by so many milliseconds. */
export const setOff = (millis: number): void => {
  off = millis
}
