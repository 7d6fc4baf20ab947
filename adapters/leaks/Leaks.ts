/**
 * Charges the errors that a task leaks to its attempt, and keeps them from ending the program. An error that belongs to no
 * attempt takes the way that it takes without Levada.
 *
 * Which leaks it sees: on Node every unhandled rejection and uncaught exception; on Deno unhandled rejections, but
 * not what a callback of a timer throws; on Bun what a callback throws, but no rejection. What can't be told belongs to none.
 * On Bun and Deno, the program's own listeners of `uncaughtException` hear of what belongs to an attempt too.
 */
import type { AsyncLocalStorage } from "node:async_hooks"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type LeakOwner, Leaks } from "../../core/task/Leaks.ts"

type Hooks = typeof import("node:async_hooks")

/** The members of `process` that this file calls. */
interface Process {
  emit: (event: string, ...args: ReadonlyArray<unknown>) => boolean
  readonly on: (event: string, listener: (error: unknown) => void) => unknown
  readonly off: (event: string, listener: (error: unknown) => void) => unknown
  readonly listenerCount: (event: string) => number
  readonly getBuiltinModule?: (name: "node:async_hooks") => Hooks | undefined
}

/** An event of the web platform about an error that nobody handles. */
interface LeakEvent {
  readonly error?: unknown
  readonly reason?: unknown
  readonly preventDefault: () => void
  readonly stopImmediatePropagation: () => void
}

interface Runtime {
  readonly process?: Process
  readonly Bun?: unknown
  readonly Deno?: unknown
  readonly addEventListener?: (event: string, listener: (event: LeakEvent) => void, isCapture: boolean) => void
  readonly removeEventListener?: (event: string, listener: (event: LeakEvent) => void, isCapture: boolean) => void
}

const runtime = globalThis as unknown as Runtime

let storage: AsyncLocalStorage<LeakOwner> | undefined
/** How many layers are open: all of them share the handlers. */
let open = 0
let remove: (() => void) | undefined

/** Whether an error belongs to an attempt, which is told. */
const isOwned = (error: unknown): boolean => {
  const owner = storage?.getStore()
  if (owner === undefined) return false
  owner.leaked(error)
  return true
}

// Listeners would change what Node does with errors that belong to none: it ends only where there are none.
const onNode = (process: Process): (() => void) => {
  const { emit } = process
  const isInherited = !Object.hasOwn(process, "emit")
  let isActive = true
  const ours: Process["emit"] = function (this: Process, event, ...args) {
    if (isActive) {
      if ((event === "unhandledRejection" || event === "uncaughtException") && isOwned(args[0])) return true
      // Told before each uncaught exception.
      if (event === "uncaughtExceptionMonitor" && storage?.getStore() !== undefined) return true
    }
    return Reflect.apply(emit, this, [event, ...args])
  }
  process.emit = ours
  return () => {
    isActive = false
    // Others may have replaced it since, and call this one.
    if (process.emit !== ours) return
    if (isInherited) delete (process as Partial<Process>).emit
    else process.emit = emit
  }
}

const onDeno = ({ addEventListener, removeEventListener }: Runtime): (() => void) => {
  const listen = (event: LeakEvent): void => {
    if (!isOwned("reason" in event ? event.reason : event.error)) return
    event.preventDefault()
    event.stopImmediatePropagation()
  }
  const events = ["unhandledrejection", "error"]
  for (const event of events) addEventListener!(event, listen, true)
  return () => {
    for (const event of events) removeEventListener!(event, listen, true)
  }
}

// Bun calls no `emit`; and it ends for an exception only where nobody listens.
const onBun = (process: Process): (() => void) => {
  const listen = (error: unknown): void => {
    if (isOwned(error) || process.listenerCount("uncaughtException") > 1) return
    process.off("uncaughtException", listen)
    queueMicrotask(() => {
      throw error
    })
  }
  process.on("uncaughtException", listen)
  return () => process.off("uncaughtException", listen)
}

const install = (process: Process): (() => void) => {
  if (runtime.Deno !== undefined) return onDeno(runtime)
  return runtime.Bun === undefined ? onNode(process) : onBun(process)
}

// `run` makes a context for the call, and another one to come back to. A scope keeps the one to come back to.
const make = ({ AsyncResource }: Hooks, owners: AsyncLocalStorage<LeakOwner>): Leaks => {
  const scope = new AsyncResource("levada.Leaks")
  const enter = <A>(owner: LeakOwner, call: () => A): A => {
    owners.enterWith(owner)
    return call()
  }
  const within = <A>(owner: LeakOwner, call: () => A): A =>
    scope.runInAsyncScope(enter, undefined, owner, call as () => unknown) as A
  return {
    within,
    fork: (owner, effect) =>
      Effect.map(Effect.context<never>(), (context) => within(owner, () => Effect.runForkWith(context)(effect)))
  }
}

/** Charges leaks to their attempts while it is open. Where a runtime can't tell whose they are, it does nothing. */
export const layer: Layer.Layer<never> = Layer.effect(
  Leaks,
  Effect.suspend(() => {
    const { process } = runtime
    const hooks = process?.getBuiltinModule?.("node:async_hooks")
    if (process === undefined || hooks === undefined) return Effect.succeed(undefined)
    storage ??= new hooks.AsyncLocalStorage<LeakOwner>()
    const leaks = make(hooks, storage)
    return Effect.acquireRelease(
      Effect.sync(() => {
        if (open++ === 0) remove = install(process)
        return leaks
      }),
      () =>
        Effect.sync(() => {
          if (--open === 0) remove?.()
        })
    )
  })
)
