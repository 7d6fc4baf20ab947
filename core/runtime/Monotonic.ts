/** Time for durations: it only goes forward, whatever happens to the wall clock. */
import type * as Clock from "effect/Clock"

/** Milliseconds since some instant, with fractions. Only differences mean anything. */
export const millis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
