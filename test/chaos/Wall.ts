/** A wrong wall clock for one process. Has to be imported before any code reads the clock. */

/** The correct time, in milliseconds since 1970. */
export const trueNow: () => number = Date.now

const setting = process.env["CHAOS"]
let off = setting === undefined ? 0 : (JSON.parse(setting) as { readonly offMillis: number }).offMillis

Date.now = () => trueNow() + off

/** From now on the clock is off by this many milliseconds. */
export const setOff = (millis: number): void => {
  off = millis
}
