/** The API as routes of an Elysia app. */
import { type AnyElysia, Elysia } from "elysia"
import type { Principal } from "../../core/values/Principal.ts"
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
  /** Stops listening, closes the Levada, and sends the answers to accepted requests. */
  readonly close: () => Promise<void>
}

/** Each route answers below each of these prefixes. */
const PREFIXES = ["", VERSION_PREFIX]

/**
 * The API as an Elysia plugin. Its routes are real routes of the app: the app's hooks run, documentation plugins list them,
 * and Eden knows their types. The prefix of the app or group that uses the plugin applies, and so does the Levada's
 * `basePath`, but Eden's types do not include the latter.
 *
 * Below the first segments of its paths (`/pipelines/…`, `/api/v1/pipelines/…`) the plugin answers every request that no route
 * of the app matches, with 404, 405 or to OPTIONS. All other paths belong to the app, also the root.
 *
 * Hooks see no `body`: the API reads bodies itself, within its limit. Eden turns text that looks like a date into a `Date`
 * unless you set `parseDate: false`, and it does not encode ids: pass ids with special characters through
 * `encodeURIComponent`.
 */
export const plugin = (levada: Levada): Plugin => {
  const app = new Elysia()
  const own = levada.routes.filter(({ path }) => path !== "/")
  const firsts = new Set(own.map(({ path }) => path.split("/")[1]!))
  const listed = own.map((route) => ({ ...route, hook: { ...NO_PARSER, ...Documentation.describe(route) } }))
  for (const version of PREFIXES) {
    const prefix = `${levada.basePath}${version}`
    for (const { method, path, hook } of listed) add(app, levada, method, `${prefix}${elysiaPath(path)}`, hook)
    for (const first of firsts) {
      add(app, levada, "ALL", `${prefix}/${first}`, HIDDEN)
      add(app, levada, "ALL", `${prefix}/${first}/*`, HIDDEN)
    }
  }
  return app as unknown as Plugin
}

/**
 * The principal of a request, for hooks that run after the API has answered it: `onAfterHandle`, `mapResponse` and
 * `onAfterResponse`, with the `request` of their context. Undefined before that, on public routes such as `/health`, for
 * callers that could not be authenticated, and on routes of the app itself. While access is open, it is `anonymous`.
 *
 * ```ts
 * app
 *   .onAfterResponse(({ request, set }) => log(ElysiaPlugin.principalOf(request)?.id, request.method, set.status))
 *   .use(ElysiaPlugin.plugin(levada))
 * ```
 */
export const principalOf = (request: Request): Principal | undefined => principals.get(request)

/**
 * Serves a Levada with Elysia: on Bun and Deno with the runtime's own server, on Node through `@elysiajs/node`. Every path
 * belongs to the API. Rejects if the port is in use, and with `InvalidOption` for invalid options.
 */
export const serve = async (levada: Levada, options: ListenAddress.ListenOptions = {}): Promise<Serving> => {
  const address = await ListenAddress.resolve(levada, options)
  const { url, app, stop, closeNow } = await listen(
    (config) => {
      // By default Elysia searches for the path only from the eleventh character of the URL, which fails for short host names.
      const whole = new Elysia({ ...config, handler: { standardHostname: false } }).use(plugin(levada))
      add(whole, levada, "ALL", "/*", HIDDEN)
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
    const timer = setTimeout(closeNow, ListenAddress.FLUSH_MILLIS)
    await stopped
    clearTimeout(timer)
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
 * Keeps Elysia from parsing bodies, because the API reads them itself. A parser that returns a value stops Elysia's own
 * parser; with `aot: false`, an unknown content type does.
 */
const NO_PARSER = { parse: () => null, type: "none" }

const HIDDEN = { ...NO_PARSER, detail: { hide: true } }

/** Converts `/pipelines/{pipeline_id}` to Elysia's form, `/pipelines/:pipeline_id`. */
const elysiaPath = (path: string): string => path.replace(/\{(\w+)\}/g, ":$1")

const add = (app: AnyElysia, levada: Levada, method: string, path: string, hook: object): void => {
  app.route(method, path, answer(levada.handler, path) as never, { ...hook })
}
