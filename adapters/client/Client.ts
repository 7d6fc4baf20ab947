/** A client of the REST API. It uses only `fetch`, so it runs in any runtime and in browsers. */

import type * as Pipeline from "../../core/pipeline/Pipeline.ts"
import type { ParametersInvalid } from "../../core/values/Errors.ts"
import type { EventJson, EventType } from "../http/events/EventWire.ts"
import type { StatisticsJson } from "../http/health/StatisticsWire.ts"
import type * as PipelineWire from "../http/pipelines/PipelineWire.ts"
import type { ExecutionJson } from "../http/runs/ExecutionRequest.ts"
import type { RunsQuery } from "../http/runs/RunRequests.ts"
import type * as RunWire from "../http/runs/RunWire.ts"
import { ClientError } from "./ClientError.ts"
import { follow } from "./EventFollower.ts"
import { valid } from "./OptionChecks.ts"
import { type Options, Sender, type SendRequest } from "./Sender.ts"

export type { EventJson, EventType } from "../http/events/EventWire.ts"
export type { Credential, Options } from "./Sender.ts"

/** JSON parameters of a pipeline that is given by its id. */
export type JsonParameters = Readonly<Record<string, unknown>>

/** Options of a request. */
export interface CallOptions {
  /** Aborts the request. A run that it started goes on. */
  readonly signal?: AbortSignal
}

/** Options of a run. Times are in seconds. */
export interface StartOptions extends CallOptions, Omit<ExecutionJson, "parameters" | "wait" | "timeout"> {
  /** A request with the same key within 24 hours gets the same run. Default: a random key. */
  readonly idempotencyKey?: string
}

/** Options of a run and of the wait for it. */
export interface ExecuteOptions extends StartOptions {
  /** How long to wait, in seconds; then the run goes on. Default: until the run has finished. */
  readonly timeout?: number
}

/** Which events of a run. */
export interface EventsOptions extends CallOptions {
  /** Default: all types. */
  readonly types?: ReadonlyArray<EventType>
}

/** Which events of several runs, and from which cursor. */
export interface FeedOptions extends EventsOptions {
  /** Only events of this pipeline's runs. Default: of all pipelines that the caller may read. */
  readonly pipelineId?: string
  /** Only events after this cursor; `"0"` begins with the oldest event that is kept. Default: only new events. */
  readonly after?: string
}

/** An event and its cursor in the feed. */
export interface FeedItem {
  /** Pass it as `after` to continue behind this event. */
  readonly cursor: string
  /** Undefined for a gap: events before this cursor are lost. */
  readonly event: EventJson | undefined
}

/** A client of one server. Every method rejects with `ClientError` if the server refuses the request or cannot be reached. */
export interface Client {
  readonly pipelines: (options?: CallOptions) => Promise<ReadonlyArray<PipelineWire.PipelineRow>>
  readonly pipeline: (pipelineId: string, options?: CallOptions) => Promise<PipelineWire.PipelineDetail>
  /** The progress of the pipeline's latest run. */
  readonly status: (pipelineId: string, options?: CallOptions) => Promise<PipelineWire.PipelineStatus>
  /** Statistics of the pipeline's runs over the last `window` seconds. Default: 3,600. */
  readonly statistics: (pipelineId: string, window?: number, options?: CallOptions) => Promise<StatisticsJson>
  /**
   * Runs a pipeline to its end. Given the pipeline, parameters and result have its types; given its id, both are JSON.
   * Failed requests are repeated with one idempotency key, so there is only one run.
   */
  readonly execute: {
    <P extends Pipeline.Any>(
      pipeline: P,
      parameters: Pipeline.ParametersOf<P>,
      options?: ExecuteOptions & { readonly targets?: undefined }
    ): Promise<Pipeline.ResultOf<P>>
    (pipelineId: string, parameters?: JsonParameters, options?: ExecuteOptions): Promise<unknown>
  }
  /** Starts a run. Resolves to its id. */
  readonly start: {
    <P extends Pipeline.Any>(pipeline: P, parameters: Pipeline.ParametersOf<P>, options?: StartOptions): Promise<string>
    (pipelineId: string, parameters?: JsonParameters, options?: StartOptions): Promise<string>
  }
  /** Waits until a run has finished. Resolves to its result. */
  readonly result: {
    <P extends Pipeline.Any>(pipeline: P, taskId: string, options?: CallOptions): Promise<Pipeline.ResultOf<P>>
    (taskId: string, options?: CallOptions): Promise<unknown>
  }
  /** The current state of a run, with its steps, parameters and outputs. */
  readonly run: (taskId: string, options?: CallOptions) => Promise<RunWire.RunDetail>
  /** Runs, newest first. */
  readonly runs: (query?: RunsQuery, options?: CallOptions) => Promise<RunWire.Runs>
  /** The log lines of the run's tasks. */
  readonly logs: (taskId: string, options?: CallOptions) => Promise<RunWire.Logs>
  /** Cancels a run, or one step of it. */
  readonly cancel: (
    taskId: string,
    options?: CallOptions & { readonly reason?: string; readonly step?: string }
  ) => Promise<void>
  /** Starts a new run of the steps that did not complete and of the steps `from`. Resolves to its id. */
  readonly retry: (taskId: string, options?: CallOptions & { readonly from?: ReadonlyArray<string> }) => Promise<string>
  /** Deletes a finished run. */
  readonly remove: (taskId: string, options?: CallOptions) => Promise<void>
  /**
   * The events of a run after sequence `after` (default: all): past ones first, then live ones to the last. Each comes once,
   * even if connections break.
   */
  readonly events: (taskId: string, options?: EventsOptions & { readonly after?: number }) => AsyncIterable<EventJson>
  /** The live events of several runs, each once. The iteration does not end; leave the loop to stop it. */
  readonly feed: (options?: FeedOptions) => AsyncIterable<FeedItem>
}

/** How long one request waits for a run, in seconds: shorter than the usual timeouts of proxies. */
const WAIT_SECONDS = 25

/** The types of a run's last event. */
const LAST: ReadonlySet<string> = new Set(["PipelineCompleteEvent", "PipelineErrorEvent", "PipelineCancelEvent"])

const segment = encodeURIComponent

const queryOf = (values: object): string => {
  const known = Object.entries(values).filter(([, value]) => value !== undefined)
  return known.length === 0 ? "" : `?${new URLSearchParams(known.map(([key, value]) => [key, String(value)]))}`
}

/** A client of the server at `url`. Throws `ClientError` (`InvalidOptionError`) for invalid options. */
export const make = (options: Options): Client => {
  const sender = new Sender(valid(options))
  const json = async (request: SendRequest) => (await sender.send(request)).json()
  const get = (path: string, { signal }: CallOptions = {}) => json({ method: "GET", path, signal, isRepeatable: true })

  /** Starts a run, and waits `timeout` seconds for it if given. The body is put together as text, because `encode` gives the parameters as JSON text. */
  const launch = (
    pipeline: Pipeline.Any | string,
    parameters: unknown,
    { signal, idempotencyKey, ...callOptions }: StartOptions,
    timeout?: number
  ) => {
    const id = typeof pipeline === "string" ? pipeline : pipeline.id
    const text = typeof pipeline === "string" ? JSON.stringify(parameters ?? {}) : encoded(pipeline, parameters)
    const { timeout: _, ...rest } = callOptions as ExecuteOptions
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

  /** Waits for the run's last event, then fetches its result. */
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
    execute: async (pipeline: Pipeline.Any | string, parameters?: unknown, callOptions: ExecuteOptions = {}) => {
      const { timeout, idempotencyKey = crypto.randomUUID() } = callOptions
      const untilMillis = timeout === undefined ? undefined : Date.now() + 1_000 * timeout
      for (;;) {
        const left = untilMillis === undefined ? WAIT_SECONDS : Math.max(0, (untilMillis - Date.now()) / 1_000)
        try {
          const wait = Math.min(left, WAIT_SECONDS)
          const { result } = await launch(pipeline, parameters, { ...callOptions, idempotencyKey }, wait)
          return decoded(pipeline, result, callOptions.targets) as never
        } catch (error) {
          // The run goes on; with the same key, the next request waits for the same run.
          const isLate = error instanceof ClientError && error.error === "PipelineTimeoutError"
          if (!isLate || (untilMillis !== undefined && Date.now() >= untilMillis)) throw error
        }
      }
    },
    start: async (pipeline: Pipeline.Any | string, parameters?: unknown, callOptions: StartOptions = {}) => {
      const { idempotencyKey = crypto.randomUUID() } = callOptions
      return (await launch(pipeline, parameters, { ...callOptions, idempotencyKey })).task_id
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
      // No idempotency key: if the answer is lost, the server may have started the run.
      return (await json({ method: "POST", path, body: JSON.stringify(body), signal, isRepeatable: false })).task_id
    },
    remove: async (taskId, { signal } = {}) => {
      await sender.send({ method: "DELETE", path: `/runs/${segment(taskId)}`, signal, isRepeatable: false })
    },
    events: async function* (taskId, { after, types, signal } = {}) {
      const path = `/runs/${segment(taskId)}/events${queryOf({ types })}`
      const cursor = after === undefined ? undefined : String(after)
      const isLast = ({ data }: { readonly data: string }) => data !== "" && LAST.has(JSON.parse(data).type)
      for await (const { data } of follow(sender, { path, after: cursor, signal, isLast })) yield JSON.parse(data)
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

/** Decodes a result with the pipeline's Schema. With `targets` the result has another type, so it stays JSON. */
const decoded = (pipeline: Pipeline.Any | string, json: unknown, targets?: unknown): unknown => {
  if (typeof pipeline === "string" || targets !== undefined) return json
  const value = pipeline.decode(json)
  if (value._tag === "Failure") throw value.failure
  return value.success
}
