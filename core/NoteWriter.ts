/** Writes notes to the Store, in a fiber of its own: a Store that takes them slowly delays no outcome. */
import * as Effect from "effect/Effect"
import * as Batch from "./Batch.ts"
import { Notes } from "./Notes.ts"
import type { Note, Store } from "./Store.ts"

/** The notes of one worker. */
export class NoteWriter {
  readonly #store: Store
  readonly #notes = new Notes()
  #wake: (() => void) | undefined = undefined
  #isClosing = false
  #isWriting = false

  constructor(store: Store) {
    this.#store = store
  }

  add(note: Note): void {
    this.#notes.add(note)
    this.#wakeUp()
  }

  /** Writes one batch after the other. Ends once it is closing and nothing is left. */
  readonly running: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.#notes.isEmpty) return Effect.andThen(this.#write, this.running)
    return this.#isClosing ? Effect.void : Effect.andThen(this.#more, this.running)
  })

  /** Whether everything is written. */
  get isIdle(): boolean {
    return this.#notes.isEmpty && !this.#isWriting
  }

  /** No more notes come. */
  close(): void {
    this.#isClosing = true
    this.#wakeUp()
  }

  // Notes that can't be kept are lost: they tell how an attempt goes, not how it ended.
  readonly #write: Effect.Effect<void> = Effect.suspend(() => {
    this.#isWriting = true
    const bad: Array<readonly [note: Note, defect: unknown]> = []
    const writing = Batch.divided(
      this.#notes.take(),
      (notes) => this.#store.note(notes),
      (note, defect) => Effect.sync(() => bad.push([note, defect]))
    )
    return Effect.andThen(
      Effect.ignore(writing),
      Effect.suspend(() => {
        this.#isWriting = false
        if (bad.length === 0) return Effect.void
        const [[{ claim }, defect]] = bad as [(typeof bad)[0]]
        const what = `The Store broke over ${bad.length} notes, which are lost; the first is of step '${claim.step}' of run '${claim.runId}'`
        return Effect.logError(what, defect)
      })
    )
  })

  readonly #more: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.#wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })

  // Not in the call of the task that adds a note, which must not be interrupted by the writing.
  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake !== undefined) queueMicrotask(wake)
  }
}
