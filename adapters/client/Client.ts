/** The API as a program sees it that runs elsewhere: over `fetch` alone, in any runtime and in browsers. */

import type * as Pipeline from "../../core/pipeline/Pipeline.ts"
import type { ParametersInvalid } from "../../core/values/Errors.ts"
import type { EventJson, EventType } from "../http/events/EventWire.ts"
import type { StatisticsJson } from "../http/health/StatisticsWire.ts"
import type * as PipelineWire from "../http/pipelines/PipelineWire.ts"
import type { ExecutionJson } from "../http/runs/ExecutionRequest.ts"
import type { RunsQuery } from "../http/runs/RunRequests.ts"
import type * as RunWire from "../http/runs/RunWire.ts"
import { ClientError } from "./ClientError.ts"
import { follow } from "./Following.ts"
import { type Options, Sender, type Sending } from "./Sending.ts"

export type { EventJson, EventType } from "../http/events/EventWire.ts"
export type { Credential, Options } from "./Sending.ts"

/** JSON parameters of a pipeline that is known by its id alone. */
export type JsonParameters = Readonly<Record<string, unknown>>

/** What may be said about a request. */
export interface CallOptions {
  /** Ends the waiting; a run that was started goes on. */
  readonly signal?: AbortSignal
}

/** What may be said about a run. Times are seconds. */
export interface StartOptions extends CallOptions, Omit<ExecutionJson, "parameters" | "wait" | "timeout"> {
  /** Names the run: whoever starts one with it within 24 hours gets this one. Default: one that nobody else has. */
  readonly idempotencyKey?: string
}

/** What may be said about a run that is waited for. */
export interface ExecuteOptions extends StartOptions {
  /** How long to wait, in seconds; the run goes on. Default: until it is over. */
  readonly timeout?: number
}

/** Which events, and from where. */
export interface EventsOptions extends CallOptions {
  /** Default: all types. */
  readonly types?: ReadonlyArray<EventType>
}

/** Which events of several runs, and from where. */
export interface FeedOptions extends EventsOptions {
  /** Only those of this pipeline's runs. Default: all that may be read. */
  readonly pipelineId?: string
  /** Goes on behind this place; `"0"` begins with the oldest that is kept. Default: what happens from now on. */
  readonly after?: string
}

/** An event of some run, and its place among those of all. */
export interface FeedItem {
  /** What `after` takes to go on behind it. */
  readonly cursor: string
  /** Undefined where events are missing that can't be had any more. */
  readonly event: EventJson | undefined
}

/** A server. Every method rejects with `ClientError` for what the server refuses, and when it can't be reached. */
export interface Client {
  readonly pipelines: (options?: CallOptions) => Promise<ReadonlyArray<PipelineWire.PipelineRow>>
  readonly pipeline: (pipelineId: string, options?: CallOptions) => Promise<PipelineWire.PipelineDetail>
  /** Where the pipeline's latest run is. */
  readonly status: (pipelineId: string, options?: CallOptions) => Promise<PipelineWire.PipelineStatus>
  /** How the pipeline's runs went over so many of the last seconds. Default: 3,600. */
  readonly statistics: (pipelineId: string, window?: number, options?: CallOptions) => Promise<StatisticsJson>
  /**
   * Runs a pipeline to its end. With the pipeline at hand, its types are those of parameters and result; by its id, both
   * are JSON. What fails on the way is tried again, and is one run all the same.
   */
  readonly execute: {
    <P extends Pipeline.Any>(
      pipeline: P,
      parameters: Pipeline.ParametersOf<P>,
      options?: ExecuteOptions & { readonly targets?: undefined }
    ): Promise<Pipeline.ResultOf<P>>
    (pipelineId: string, parameters?: JsonParameters, options?: ExecuteOptions): Promise<unknown>
  }
  /** Starts a run and gives its id. */
  readonly start: {
    <P extends Pipeline.Any>(pipeline: P, parameters: Pipeline.ParametersOf<P>, options?: StartOptions): Promise<string>
    (pipelineId: string, parameters?: JsonParameters, options?: StartOptions): Promise<string>
  }
  /** What a run gave, once it is over. */
  readonly result: {
    <P extends Pipeline.Any>(pipeline: P, taskId: string, options?: CallOptions): Promise<Pipeline.ResultOf<P>>
    (taskId: string, options?: CallOptions): Promise<unknown>
  }
  /** All about a run as it is now. */
  readonly run: (taskId: string, options?: CallOptions) => Promise<RunWire.RunDetail>
  /** Runs, newest first. */
  readonly runs: (query?: RunsQuery, options?: CallOptions) => Promise<RunWire.Runs>
  /** The lines that its tasks wrote. */
  readonly logs: (taskId: string, options?: CallOptions) => Promise<RunWire.Logs>
  /** Ends a run, or one step of it. */
  readonly cancel: (
    taskId: string,
    options?: CallOptions & { readonly reason?: string; readonly step?: string }
  ) => Promise<void>
  /** Starts a run of what did not complete, and of the steps `from`. Gives its id. */
  readonly retry: (taskId: string, options?: CallOptions & { readonly from?: ReadonlyArray<string> }) => Promise<string>
  /** Forgets a run that is over. */
  readonly remove: (taskId: string, options?: CallOptions) => Promise<void>
  /**
   * The events of a run behind sequence `after` (default: all), then those that happen, to the last one. Each comes once,
   * whatever becomes of connections.
   */
  readonly events: (taskId: string, options?: EventsOptions & { readonly after?: number }) => AsyncIterable<EventJson>
  /** The events of several runs as they happen, each once. It does not end; leave the loop. */
  readonly feed: (options?: FeedOptions) => AsyncIterable<FeedItem>
}

/** How long one request waits for a run, in seconds: less than proxies do. */
const WAIT_SECONDS = 25

/** The types of the last event of a run. */
const LAST: ReadonlySet<string> = new Set(["PipelineCompleteEvent", "PipelineErrorEvent", "PipelineCancelEvent"])

const segment = encodeURIComponent

const queryOf = (values: object): string => {
  const known = Object.entries(values).filter(([, value]) => value !== undefined)
  return known.length === 0 ? "" : `?${new URLSearchParams(known.map(([key, value]) => [key, String(value)]))}`
}

/** A client of the server at `url`. Throws `ClientError` (`InvalidOptionError`) for options that can't be used. */
export const make = (options: Options): Client => {
  const sender = new Sender(options)
  const json = async (sending: Sending) => (await sender.send(sending)).json()
  const get = (path: string, { signal }: CallOptions = {}) => json({ method: "GET", path, signal, isRepeatable: true })

  /** Starts a run, and waits for so many seconds if at all. The body goes as text: the pipeline says what its parameters are in JSON. */
  const launch = (
    pipeline: Pipeline.Any | string,
    parameters: unknown,
    { signal, idempotencyKey, ...wishes }: StartOptions,
    timeout?: number
  ) => {
    const id = typeof pipeline === "string" ? pipeline : pipeline.id
    const text = typeof pipeline === "string" ? JSON.stringify(parameters ?? {}) : encoded(pipeline, parameters)
    const { timeout: _, ...rest } = wishes as ExecuteOptions
    const more = JSON.stringify({ ...rest, ...(timeout !== undefined && { wait: true, timeout }) }).slice(1)
    return json({
      method: "POST",
      path: `/pipelines/${segment(id)}/execute`,
      headers: { "idempotency-key": idempotencyKey! },
      body: `{"parameters":${text}${more === "}" ? "" : ","}${more}`,
      signal,
      isRepeatable: true
    })
  }

  /** Looks until the run is over. */
  const resultOf = async (taskId: string, { signal }: CallOptions): Promise<unknown> => {
    for await (const event of client.events(taskId, {
      ...(signal && { signal }),
      types: [...LAST] as Array<EventType>
    }))
      void event
    const path = `/pipelines/result/${segment(taskId)}`
    return (await get(path, { ...(signal && { signal }) })).result
  }

  const client: Client = {
    pipelines: (call) => get("/pipelines", call),
    pipeline: (id, call) => get(`/pipelines/${segment(id)}`, call),
    status: (id, call) => get(`/pipelines/${segment(id)}/status`, call),
    statistics: (id, window, call) => get(`/pipelines/${segment(id)}/statistics${queryOf({ window })}`, call),
    execute: async (pipeline: Pipeline.Any | string, parameters?: unknown, wishes: ExecuteOptions = {}) => {
      const { timeout, idempotencyKey = crypto.randomUUID() } = wishes
      const untilMillis = timeout === undefined ? undefined : Date.now() + 1_000 * timeout
      for (;;) {
        const left = untilMillis === undefined ? WAIT_SECONDS : Math.max(0, (untilMillis - Date.now()) / 1_000)
        try {
          const wait = Math.min(left, WAIT_SECONDS)
          const { result } = await launch(pipeline, parameters, { ...wishes, idempotencyKey }, wait)
          return decoded(pipeline, result, wishes.targets) as never
        } catch (error) {
          // It goes on; with the same key, the next request waits for the same run.
          const isLate = error instanceof ClientError && error.error === "PipelineTimeoutError"
          if (!isLate || (untilMillis !== undefined && Date.now() >= untilMillis)) throw error
        }
      }
    },
    start: async (pipeline: Pipeline.Any | string, parameters?: unknown, wishes: StartOptions = {}) => {
      const { idempotencyKey = crypto.randomUUID() } = wishes
      return (await launch(pipeline, parameters, { ...wishes, idempotencyKey })).task_id
    },
    result: async (pipeline: Pipeline.Any | string, taskId?: string | CallOptions, call: CallOptions = {}) => {
      if (typeof pipeline === "string")
        return (await resultOf(pipeline, (taskId as CallOptions | undefined) ?? {})) as never
      return decoded(pipeline, await resultOf(taskId as string, call)) as never
    },
    run: (taskId, call) => get(`/runs/${segment(taskId)}`, call),
    runs: (query = {}, call) => get(`/runs${queryOf(query)}`, call),
    logs: (taskId, call) => get(`/runs/${segment(taskId)}/logs`, call),
    cancel: async (taskId, { signal, ...body } = {}) => {
      const path = `/runs/${segment(taskId)}/cancel`
      await sender.send({ method: "POST", path, body: JSON.stringify(body), signal, isRepeatable: true })
    },
    retry: async (taskId, { signal, ...body } = {}) => {
      const path = `/runs/${segment(taskId)}/retry`
      // Nothing names the new run, so it is not known whether a request that was lost has started it.
      return (await json({ method: "POST", path, body: JSON.stringify(body), signal, isRepeatable: false })).task_id
    },
    remove: async (taskId, { signal } = {}) => {
      await sender.send({ method: "DELETE", path: `/runs/${segment(taskId)}`, signal, isRepeatable: false })
    },
    events: async function* (taskId, { after, types, signal } = {}) {
      const path = `/runs/${segment(taskId)}/events${queryOf({ types })}`
      const place = after === undefined ? undefined : String(after)
      const isLast = ({ data }: { readonly data: string }) => data !== "" && LAST.has(JSON.parse(data).type)
      for await (const { data } of follow(sender, { path, after: place, signal, isLast })) yield JSON.parse(data)
    },
    feed: async function* ({ pipelineId, after, types, signal } = {}) {
      const from = pipelineId === undefined ? "/events" : `/pipelines/${segment(pipelineId)}/events`
      const source = { path: `${from}${queryOf({ types })}`, after, signal, isLast: () => false }
      for await (const { id, event, data } of follow(sender, source)) {
        yield { cursor: id, event: event === "gap" ? undefined : JSON.parse(data) }
      }
    }
  }
  return client
}

const encoded = (pipeline: Pipeline.Any, parameters: unknown): string => {
  const text = pipeline.encode(parameters)
  if (text._tag === "Failure") throw text.failure satisfies ParametersInvalid
  return text.success
}

/** A result of a pipeline's own types; with targets it is another one, of which nothing is known. */
const decoded = (pipeline: Pipeline.Any | string, json: unknown, targets?: unknown): unknown => {
  if (typeof pipeline === "string" || targets !== undefined) return json
  const value = pipeline.decode(json)
  if (value._tag === "Failure") throw value.failure
  return value.success
}
