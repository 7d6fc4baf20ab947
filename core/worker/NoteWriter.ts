/** Writes notes to the Store in a separate fiber, so that a slow write delays no outcome. */
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

  /** Whether notes wait and no fiber writes. */
  get hasUnwritten(): boolean {
    return !this.#isWriting && !this.#notes.isEmpty
  }

  /** Starts the writing fiber. The Store gets these notes before outcomes that are settled later. */
  readonly begin: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.hasUnwritten) return Effect.void
    this.#isWriting = true
    // Detached: the scope of the worker would end it before the last notes are written.
    return Effect.asVoid(Effect.forkDetach(this.#writing, { startImmediately: true }))
  })

  /** Writes the remaining notes and waits until all are written. */
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

  // Notes that fail are lost: only outcomes have to arrive.
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
        const what = `The Store broke while writing ${bad.length} notes, which are lost; the first is from step '${claim.step}' of run '${claim.runId}'`
        return Effect.logError(what, defect)
      })
    )
  })
}
