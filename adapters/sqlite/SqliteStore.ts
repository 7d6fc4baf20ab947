/** A Store in one SQLite file, for one process. Its runs outlive the process. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as DurableStore from "../../core/memory/DurableStore.ts"
import { Store } from "../../core/store/Store.ts"
import * as StoreBounds from "../../core/store/StoreBounds.ts"
import { InvalidOption, StoreUnavailable } from "../../core/values/Errors.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import * as SqliteBackup from "./SqliteBackup.ts"
import { failureOf } from "./SqliteFailure.ts"
import * as SqliteFile from "./SqliteFile.ts"
import { SqliteJournal } from "./SqliteJournal.ts"

/** The file, and the bounds of the Store. `historyBytes` has no effect: finished runs are in the file. */
export interface Options extends Omit<StoreBounds.MemoryBounds, "historyBytes"> {
  /** The path of the file. It is made if it does not exist, and so is its folder. `:memory:` keeps nothing. */
  readonly file: string
  /**
   * When a change counts as recorded. `full`: when the disk has it, so a power failure loses nothing that was answered.
   * `normal`: the end of the process loses nothing; a power failure loses all changes since the last checkpoint, which SQLite makes
   * every 1,000 pages: under a low load that is hours of changes. `off`: a power failure may also damage the file.
   * Default: `full`.
   */
  readonly synchronous?: "full" | "normal" | "off"
}

const SYNCHRONOUS = ["full", "normal", "off"] as const

const invalid = (options: Options): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.record, "options of the Store", options) ??
  (typeof options.file === "string" && options.file !== "" && options.file.isWellFormed()
    ? undefined
    : new InvalidOption("store.file", options.file, "the path of a file")) ??
  OptionCheck.among("store.synchronous", options.synchronous, SYNCHRONOUS) ??
  StoreBounds.invalid(options)

/**
 * Makes a Store in a file, for as long as the scope is open. Fails with `StoreUnavailable` when another process owns the file,
 * or it can't be opened.
 */
export const make = (options: Options): Effect.Effect<Store, InvalidOption | StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const mistake = invalid(options)
    if (mistake !== undefined) return yield* mistake
    const { file, synchronous = "full", ...bounds } = options
    const clock = yield* Clock.Clock
    const sqlite = yield* loaded
    const owned = yield* Effect.acquireRelease(
      Effect.try({
        try: () => SqliteFile.own(sqlite, file, synchronous, clock.currentTimeMillisUnsafe()),
        catch: (error) => failureOf(file, error)
      }),
      ({ close }) => Effect.sync(close)
    )
    return yield* DurableStore.make(bounds, new SqliteJournal(owned), owned.isLoss)
  })

/** A layer with a Store in a file: see `make`. */
export const layer = (options: Options): Layer.Layer<Store, InvalidOption | StoreUnavailable> =>
  Layer.effect(Store, make(options))

/**
 * Copies the file of a Store to a new file, while its owner goes on: the copy has all that was recorded when it began. Resolves when
 * the copy is complete. Fails with `StoreUnavailable`, and leaves nothing behind, when one of the files can't be opened, the new file
 * exists, or its disk is full.
 */
export const backup = (file: string, to: string): Effect.Effect<void, StoreUnavailable> =>
  Effect.flatMap(loaded, (sqlite) =>
    Effect.tryPromise({
      try: () => SqliteBackup.copy(sqlite, file, to),
      catch: (error) => failureOf(to, error)
    })
  )

/** SQLite of the runtime, loaded when the first Store is made. */
const loaded: Effect.Effect<typeof import("node:sqlite"), StoreUnavailable> = Effect.tryPromise({
  try: () => import("node:sqlite"),
  catch: () => new StoreUnavailable("This runtime has no 'node:sqlite'. It is in Node 22.19, Bun 1.4 and Deno 2.9")
})
