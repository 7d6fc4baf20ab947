/**
 * A client of the REST API for any runtime and for browsers: `Client.make({ url })`. It needs only `fetch`.
 * @module
 */
export * as Client from "./Client.ts"
export { ClientError } from "./ClientError.ts"
