/** Spans of what Levada does, for the tracer that the program has given. Without one, there is none, and nothing to pay. */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { sha256 } from "../values/Digest.ts"

/** A span that others may be children of, as a text that a Store keeps. Source: W3C Trace Context, 3.2. */
export type Traceparent = string

/** What is said of a span when it begins. */
export interface Beginning {
  readonly kind?: Tracer.SpanKind
  readonly parent?: Tracer.AnySpan | undefined
  readonly links?: ReadonlyArray<Traceparent | undefined>
  readonly attributes: Readonly<Record<string, string | number | undefined>>
  /** Nanoseconds since 1970. Default: now. */
  readonly atNanos?: bigint
}

/** Begins and ends spans. A tracer that throws costs spans, and nothing else. */
export class Tracing {
  readonly #tracer: Tracer.Tracer
  readonly #clock: Clock.Clock
  /** What the tracer threw first. */
  #defect: { readonly thrown: unknown } | undefined = undefined
  #isReported = false

  constructor(tracer: Tracer.Tracer, clock: Clock.Clock) {
    this.#tracer = tracer
    this.#clock = clock
  }

  get nowNanos(): bigint {
    return this.#clock.currentTimeNanosUnsafe()
  }

  begin(name: string, { kind = "internal", parent, links = [], attributes, atNanos }: Beginning): Tracer.Span {
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

  /** Says something of a span. */
  attribute(span: Tracer.Span, key: string, value: string | number): void {
    this.#safely(() => span.attribute(key, value))
  }

  /** Ends a span, well unless something is said to have gone wrong. */
  end(span: Tracer.Span, failure?: { readonly name: string; readonly message: string }): void {
    if (span.status._tag === "Ended") return
    const exit =
      failure === undefined
        ? Exit.void
        : Exit.fail(Object.assign(new Error(failure.message), { name: failure.name, stack: "" }))
    this.endWith(span, exit)
  }

  /** Ends a span with what came of it. */
  endWith(span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): void {
    this.#safely(() => span.end(this.nowNanos, exit))
  }

  /** Whether the tracer threw, and that was not logged. */
  get isToReport(): boolean {
    return this.#defect !== undefined && !this.#isReported
  }

  /** Logs what the tracer threw first, once. */
  readonly report: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.isToReport) return Effect.void
    this.#isReported = true
    return Effect.logError("The tracer throws; spans are lost, and nothing else", this.#defect!.thrown)
  })

  #safely<A>(act: () => A): A | undefined {
    try {
      return act()
    } catch (thrown) {
      this.#defect ??= { thrown }
      return undefined
    }
  }

  /** Has a span around an effect, which is its child. */
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

/** The tracer that was given to whoever asks; nothing where none was. */
export const find: Effect.Effect<Tracing | undefined> = Effect.clockWith((clock) =>
  Effect.map(Effect.context<never>(), (context) => {
    const tracer = context.mapUnsafe.get(Tracer.TracerKey) as Tracer.Tracer | undefined
    return tracer && new Tracing(tracer, clock)
  })
)

/** A span as text. */
export const toTraceparent = ({ traceId, spanId, sampled }: Tracer.AnySpan): Traceparent =>
  `00-${traceId.padStart(32, "0")}-${spanId}-${sampled ? "01" : "00"}`

/** The span that a text names; nothing when it is none. */
export const fromTraceparent = (text: Traceparent | undefined): Tracer.ExternalSpan | undefined => {
  const [, traceId, spanId, flags] =
    /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/.exec(text ?? "") ?? []
  if (traceId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId!)) return undefined
  return Tracer.externalSpan({ traceId, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 })
}

/** The span that a run belongs to. One that was started untraced, by a schedule say, has its steps in one trace all the same. */
export const parentOf = (text: Traceparent | undefined, runId: string): Tracer.ExternalSpan => {
  const known = fromTraceparent(text)
  if (known !== undefined) return known
  const made = sha256(runId)
  return Tracer.externalSpan({ traceId: made.slice(0, 32), spanId: made.slice(32, 48) })
}
