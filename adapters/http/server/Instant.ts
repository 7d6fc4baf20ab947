/** Instants on the wire. */

/** An instant: ISO 8601 in UTC. */
export const instant = (millis: number): string => new Date(millis).toISOString()
