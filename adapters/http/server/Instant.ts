/** Instants and durations in JSON. */

/** Formats an instant as ISO 8601 in UTC. */
export const instant = (millis: number): string => new Date(millis).toISOString()

/** Parses an ISO 8601 text to milliseconds since 1970. */
export const millisOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Date.parse(text)

/**
 * Seconds in whole milliseconds, rounded up. Binary fractions are a little off, 2.007 × 1,000 is 2,007.0000000000002, so
 * fractions of a microsecond are rounded away first.
 */
export const toMillis = (seconds: number): number => Math.ceil(Math.round(seconds * 1_000_000) / 1_000)
