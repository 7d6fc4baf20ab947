/** Lines and progress of attempts, in the order in which they came, until the Store has them. */
import * as Batch from "../runtime/Batch.ts"
import type { Note } from "../store/Work.ts"
import * as Bytes from "../values/Bytes.ts"

/** How many wait for a Store that is slow, and how long their texts are together. Beyond that the older half is dropped. */
const MAX_NOTES = 10_000
const MAX_LENGTH = 1 << 24

/** What a note takes besides its texts, in bytes. */
const NOTE_BYTES = 200

/** Notes that wait. Lines that are dropped are counted, and the count is a note. */
export class NoteBuffer {
  #notes: Array<Note> = []
  /** UTF-16 units of all texts. */
  #length = 0

  get isEmpty(): boolean {
    return this.#notes.length === 0
  }

  add(note: Note): void {
    const last = this.#notes.at(-1)
    // Of one attempt's progress only the newest matters.
    if (note.progress !== undefined && last?.progress !== undefined && last.claim === note.claim) this.#notes.pop()
    else if (this.#notes.length >= MAX_NOTES || this.#length >= MAX_LENGTH) this.#drop()
    this.#notes.push(note)
    this.#length += lengthOf(note)
  }

  /** Takes the first ones: as many as may go into one call. */
  take(): ReadonlyArray<Note> {
    const count = Batch.first(this.#notes, bytesOf)
    if (count === this.#notes.length) {
      const all = this.#notes
      this.#notes = []
      this.#length = 0
      return all
    }
    const taken = this.#notes.splice(0, count)
    for (const note of taken) this.#length -= lengthOf(note)
    return taken
  }

  #drop(): void {
    const dropped = new Map<string, Note>()
    for (const note of this.#notes.splice(0, Math.ceil(this.#notes.length / 2))) {
      this.#length -= lengthOf(note)
      const lines = (note.dropped ?? 0) + (note.line === undefined ? 0 : 1)
      const before = dropped.get(note.claim.runId)
      dropped.set(note.claim.runId, { claim: note.claim, dropped: (before?.dropped ?? 0) + lines })
    }
    this.#notes.unshift(...dropped.values())
  }
}

const lengthOf = ({ line }: Note): number =>
  line === undefined ? 0 : line.message.length + (line.fields === undefined ? 0 : line.fields.length)

const bytesOf = ({ line }: Note): number =>
  line === undefined ? NOTE_BYTES : NOTE_BYTES + Bytes.ofText(line.message) + Bytes.ofText(line.fields ?? "")
