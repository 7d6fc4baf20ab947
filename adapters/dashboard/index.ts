/**
 * The files of the dashboard: a page over the REST API, which `levada/http` serves at `/dashboard`.
 *
 * @module
 */
export { files } from "./Files.generated.ts"
