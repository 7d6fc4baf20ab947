/** Spans of Levada's work, for the tracer that the program provides. Without a tracer no span is made, at no cost. */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { sha256 } from "../values/Digest.ts"

/** The id of a span as a string, which Stores keep so that later spans can be its children. Source: W3C Trace Context, 3.2. */
export type Traceparent = string

/** The options of a new span. */
export interface SpanStart {
  readonly kind?: Tracer.SpanKind
  readonly parent?: Tracer.AnySpan | undefined
  readonly links?: ReadonlyArray<Traceparent | undefined>
  readonly attributes: Readonly<Record<string, string | number | undefined>>
  /** Nanoseconds since 1970. Default: now. */
  readonly atNanos?: bigint
}

/** Begins and ends spans. When the tracer throws, spans are lost and the work goes on. */
export class Tracing {
  readonly #tracer: Tracer.Tracer
  readonly #clock: Clock.Clock
  /** The first error that the tracer threw. */
  #defect: { readonly thrown: unknown } | undefined = undefined
  #isReported = false

  constructor(tracer: Tracer.Tracer, clock: Clock.Clock) {
    this.#tracer = tracer
    this.#clock = clock
  }

  get nowNanos(): bigint {
    return this.#clock.currentTimeNanosUnsafe()
  }

  begin(name: string, { kind = "internal", parent, links = [], attributes, atNanos }: SpanStart): Tracer.Span {
    const options: Parameters<Tracer.Tracer["span"]>[0] = {
      name,
      parent: Option.fromUndefinedOr(parent),
      annotations: Context.empty(),
      links: [...new Set(links)].flatMap((link) => {
        const linked = fromTraceparent(link)
        return linked === undefined ? [] : [{ span: linked, attributes: {} }]
      }),
      startTime: atNanos ?? this.nowNanos,
      kind,
      root: parent === undefined,
      sampled: parent?.sampled ?? true
    }
    const span = this.#safely(() => this.#tracer.span(options)) ?? new Tracer.NativeSpan(options)
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) this.attribute(span, key, value)
    return span
  }

  /** Sets an attribute of a span. */
  attribute(span: Tracer.Span, key: string, value: string | number): void {
    this.#safely(() => span.attribute(key, value))
  }

  /** Ends a span: as a success, or with the failure. */
  end(span: Tracer.Span, failure?: { readonly name: string; readonly message: string }): void {
    if (span.status._tag === "Ended") return
    const exit =
      failure === undefined
        ? Exit.void
        : Exit.fail(Object.assign(new Error(failure.message), { name: failure.name, stack: "" }))
    this.endWith(span, exit)
  }

  /** Ends a span with the exit of its work. */
  endWith(span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): void {
    this.#safely(() => span.end(this.nowNanos, exit))
  }

  /** Whether the tracer threw an error that is not logged yet. */
  get hasUnreportedError(): boolean {
    return this.#defect !== undefined && !this.#isReported
  }

  /** Logs the first error of the tracer, once. */
  readonly report: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.hasUnreportedError) return Effect.void
    this.#isReported = true
    return Effect.logError("The tracer throws, so spans are lost; runs are not affected", this.#defect!.thrown)
  })

  #safely<A>(act: () => A): A | undefined {
    try {
      return act()
    } catch (thrown) {
      this.#defect ??= { thrown }
      return undefined
    }
  }

  /** Runs an effect inside a span, and ends the span with the effect. Spans of the effect become its children. */
  around<A, E, R>(
    span: Tracer.Span,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> {
    return Effect.onExit(Effect.withParentSpan(effect, span), (exit) =>
      Effect.suspend(() => {
        this.endWith(span, exit)
        return this.report
      })
    )
  }
}

/** The tracer in the context of the caller; undefined when there is none. */
export const find: Effect.Effect<Tracing | undefined> = Effect.clockWith((clock) =>
  Effect.map(Effect.context<never>(), (context) => {
    const tracer = context.mapUnsafe.get(Tracer.TracerKey) as Tracer.Tracer | undefined
    return tracer && new Tracing(tracer, clock)
  })
)

/** The id of a span as a string. */
export const toTraceparent = ({ traceId, spanId, sampled }: Tracer.AnySpan): Traceparent =>
  `00-${traceId.padStart(32, "0")}-${spanId}-${sampled ? "01" : "00"}`

/** The span with this id; undefined when the string is no valid id. */
export const fromTraceparent = (text: Traceparent | undefined): Tracer.ExternalSpan | undefined => {
  const [, traceId, spanId, flags] =
    /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/.exec(text ?? "") ?? []
  if (traceId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId!)) return undefined
  return Tracer.externalSpan({ traceId, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 })
}

/**
 * The span that a run belongs to. A run that was started without a trace, such as by a schedule, gets ids made from its
 * run id, so that all its steps are in one trace.
 */
export const parentOf = (text: Traceparent | undefined, runId: string): Tracer.ExternalSpan => {
  const known = fromTraceparent(text)
  if (known !== undefined) return known
  const made = sha256(runId)
  return Tracer.externalSpan({ traceId: made.slice(0, 32), spanId: made.slice(32, 48) })
}
