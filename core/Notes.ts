/** What attempts say while they run, until the Store has heard it. */
import type { Note } from "./Store.ts"

/** How many wait for a Store that does not answer. Of more, the older half is dropped, and only counted. */
const MAX_NOTES = 10_000

/** Notes in the order in which they came. */
export class Notes {
  #notes: Array<Note> = []

  get isEmpty(): boolean {
    return this.#notes.length === 0
  }

  add(note: Note): void {
    const last = this.#notes.at(-1)
    // Of progress, only how far it is now counts.
    if (note.progress !== undefined && last?.progress !== undefined && last.claim === note.claim) this.#notes.pop()
    else if (this.#notes.length >= MAX_NOTES) this.#drop()
    this.#notes.push(note)
  }

  /** Takes all of them. */
  take(): ReadonlyArray<Note> {
    const notes = this.#notes
    this.#notes = []
    return notes
  }

  #drop(): void {
    const dropped = new Map<string, Note>()
    for (const note of this.#notes.splice(0, MAX_NOTES / 2)) {
      const lines = (note.dropped ?? 0) + (note.line === undefined ? 0 : 1)
      const before = dropped.get(note.claim.runId)
      dropped.set(note.claim.runId, { claim: note.claim, dropped: (before?.dropped ?? 0) + lines })
    }
    this.#notes.unshift(...dropped.values())
  }
}
