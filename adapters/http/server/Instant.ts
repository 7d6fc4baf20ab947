/** Instants in JSON. */

/** Formats an instant as ISO 8601 in UTC. */
export const instant = (millis: number): string => new Date(millis).toISOString()

/** Parses an ISO 8601 text to milliseconds since 1970. */
export const millisOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Date.parse(text)
