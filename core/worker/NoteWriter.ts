/** Writes notes to the Store, in a fiber of its own: a Store that takes them slowly delays no outcome. */
import * as Effect from "effect/Effect"
import * as Batch from "../runtime/Batch.ts"
import type { Store } from "../store/Store.ts"
import type { Note } from "../store/Work.ts"
import { NoteBuffer } from "./NoteBuffer.ts"

/** The notes of one worker. */
export class NoteWriter {
  readonly #store: Store
  readonly #notes = new NoteBuffer()
  #isWriting = false
  #onIdle: (() => void) | undefined = undefined

  constructor(store: Store) {
    this.#store = store
  }

  add(note: Note): void {
    this.#notes.add(note)
  }

  /** Whether notes wait that no fiber writes. */
  get hasUnwritten(): boolean {
    return !this.#isWriting && !this.#notes.isEmpty
  }

  /** Begins to write, in a fiber of its own: the Store is told of these notes before it is told of an outcome that follows. */
  readonly begin: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.hasUnwritten) return Effect.void
    this.#isWriting = true
    // Not in the scope of its worker, which would end it before the last notes are written.
    return Effect.asVoid(Effect.forkDetach(this.#writing, { startImmediately: true }))
  })

  /** Writes what is left, and waits until all is written. */
  readonly finish: Effect.Effect<void> = Effect.andThen(
    this.begin,
    Effect.callback<void>((resume) => {
      if (!this.#isWriting) return resume(Effect.void)
      this.#onIdle = () => resume(Effect.void)
    })
  )

  readonly #writing: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.#notes.isEmpty) return Effect.andThen(this.#write, this.#writing)
    this.#isWriting = false
    this.#onIdle?.()
    return Effect.void
  })

  // Notes that can't be kept are lost: they tell how an attempt goes, not how it ended.
  readonly #write: Effect.Effect<void> = Effect.suspend(() => {
    const bad: Array<readonly [note: Note, defect: unknown]> = []
    const writing = Batch.divided(
      this.#notes.take(),
      (notes) => this.#store.note(notes),
      (note, defect) => Effect.sync(() => bad.push([note, defect]))
    )
    return Effect.andThen(
      Effect.ignore(writing),
      Effect.suspend(() => {
        if (bad.length === 0) return Effect.void
        const [[{ claim }, defect]] = bad as [(typeof bad)[0]]
        const what = `The Store broke over ${bad.length} notes, which are lost; the first is of step '${claim.step}' of run '${claim.runId}'`
        return Effect.logError(what, defect)
      })
    )
  })
}
