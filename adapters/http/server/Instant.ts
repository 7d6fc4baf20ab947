/** Instants on the wire. */

/** An instant: ISO 8601 in UTC. */
export const instant = (millis: number): string => new Date(millis).toISOString()

/** The instant that a text names, in milliseconds since 1970. */
export const millisOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Date.parse(text)
