/** The API as routes of an Elysia app. */
import { type AnyElysia, Elysia } from "elysia"
import type { Principal } from "../../core/values/Principal.ts"
import { routes } from "../http/Routes.ts"
import * as ListenAddress from "../http/server/ListenAddress.ts"
import { VERSION_PREFIX } from "../http/server/Router.ts"
import type { Levada } from "../promise/Levada.ts"
import { answer, principals } from "./Answer.ts"
import * as Documentation from "./Documentation.ts"
import type { EdenRoutes } from "./Eden.ts"
import { listen } from "./Listen.ts"

export type { DefinitionJson } from "../http/pipelines/PipelineRequests.ts"
export type { ExecutionJson } from "../http/runs/ExecutionRequest.ts"
export type { ErrorJson } from "../http/server/Failures.ts"
export type { ListenOptions as Options } from "../http/server/ListenAddress.ts"
export type { EdenRoutes } from "./Eden.ts"

/** An Elysia app with the API's routes. */
export type Plugin = Elysia<
  "",
  { decorator: {}; store: {}; derive: {}; resolve: {} },
  { typebox: {}; error: {} },
  { schema: {}; standaloneSchema: {}; macro: {}; macroFn: {}; parser: {}; response: {} },
  EdenRoutes
>

/** A server that listens. */
export interface Serving {
  /** `http://host:port`. */
  readonly url: string
  readonly app: Plugin
  /** Stops listening, closes the Levada, and lets every answer that was promised be sent. */
  readonly close: () => Promise<void>
}

/** Where the routes answer, each below all of these. */
const PREFIXES = ["", VERSION_PREFIX]

/**
 * The API as an Elysia plugin: real routes, so the app's hooks run, its documentation plugins list them, and Eden
 * knows their types. The prefix of the app or group that uses it is the API's, too. So is a Levada's own `basePath`, of
 * which Eden does not know.
 *
 * Below the first segments of its paths (`/pipelines/…`, `/api/v1/pipelines/…`) it answers everything that no route of
 * the app matches, as the API does: 404, 405 and OPTIONS. Everywhere else the app is left alone.
 *
 * Hooks find no `body`: the API reads bodies itself, within its limit. Eden turns text that looks like a date into a
 * `Date` unless it is told `parseDate: false`, and takes ids as they are: escape those that are not plain.
 */
export const plugin = (levada: Levada): Plugin => {
  const app = new Elysia()
  const firsts = new Set(routes.map(({ path }) => path.split("/")[1]!))
  const listed = routes.map((route) => ({ ...route, hook: { ...UNREAD, ...Documentation.describe(route) } }))
  for (const version of PREFIXES) {
    const prefix = `${levada.basePath}${version}`
    for (const { method, path, hook } of listed) add(app, levada, method, `${prefix}${colons(path)}`, hook)
    for (const first of firsts) {
      add(app, levada, "ALL", `${prefix}/${first}`, UNLISTED)
      add(app, levada, "ALL", `${prefix}/${first}/*`, UNLISTED)
    }
  }
  return app as unknown as Plugin
}

/**
 * Who sent a request, for hooks that run once the API has answered it: `onAfterHandle`, `mapResponse` and
 * `onAfterResponse`, with the `request` of their context. Undefined before, on routes for everybody such as `/health`, for
 * whoever was not let in, and on routes that are not the API's. Where access is open, everybody is `anonymous`.
 *
 * ```ts
 * app
 *   .onAfterResponse(({ request, set }) => log(ElysiaPlugin.principalOf(request)?.id, request.method, set.status))
 *   .use(ElysiaPlugin.plugin(levada))
 * ```
 */
export const principalOf = (request: Request): Principal | undefined => principals.get(request)

/**
 * Serves a Levada with Elysia: on Bun and Deno with what they have, on Node through `@elysiajs/node`. Every path is the
 * API's. Rejects when the port is taken, and with `InvalidOption` for options that can't be used.
 */
export const serve = async (levada: Levada, options: ListenAddress.ListenOptions = {}): Promise<Serving> => {
  const address = await ListenAddress.resolve(levada, options)
  const { url, app, stop, cut } = await listen(
    (config) => {
      // An app looks for the path behind the eleventh character of the URL unless it is told that names may be short.
      const whole = new Elysia({ ...config, handler: { standardHostname: false } }).use(plugin(levada))
      add(whole, levada, "ALL", "/*", UNLISTED)
      return whole
    },
    address,
    levada.handler
  )
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    const closed = levada.close()
    const stopped = stop(closed)
    await closed
    const last = setTimeout(cut, ListenAddress.LAST_MILLIS)
    await stopped
    clearTimeout(last)
  }
  return {
    url,
    app: app as unknown as Plugin,
    close: () => {
      closing ??= close()
      return closing
    }
  }
}

/**
 * The API reads the body itself. A parser that has its answer keeps Elysia's own from running, also behind parsers of
 * the app; where Elysia compiles nothing (`aot: false`) a content type that it does not know does so.
 */
const UNREAD = { parse: () => null, type: "none" }

const UNLISTED = { ...UNREAD, detail: { hide: true } }

/** `/pipelines/{pipeline_id}` as Elysia writes it: `/pipelines/:pipeline_id`. */
const colons = (path: string): string => path.replace(/\{(\w+)\}/g, ":$1")

const add = (app: AnyElysia, levada: Levada, method: string, path: string, hook: object): void => {
  app.route(method, path, answer(levada.handler, path) as never, { ...hook })
}
