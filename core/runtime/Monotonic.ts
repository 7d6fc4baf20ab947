/** The monotonic clock, for durations: it never goes back, even when the wall clock is set back. */
import type * as Clock from "effect/Clock"

/** Milliseconds since an arbitrary instant, with fractions. Only differences have a meaning. */
export const millis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
