/** Notes (log lines and progress of attempts) that wait for the Store, in order. */
import * as Batch from "../runtime/Batch.ts"
import type { Note } from "../store/Work.ts"
import * as Bytes from "../values/Bytes.ts"

/** How many notes wait at most, and how many UTF-16 units their texts have. Beyond, the older half is dropped. */
const MAX_NOTES = 10_000
const MAX_LENGTH = 1 << 24

/** Bytes of a note without its texts. */
const NOTE_BYTES = 200

/** Waiting notes. Dropped lines are counted; a note tells the Store the count. */
export class NoteBuffer {
  #notes: Array<Note> = []
  /** UTF-16 units of all texts. */
  #length = 0

  get isEmpty(): boolean {
    return this.#notes.length === 0
  }

  add(note: Note): void {
    const last = this.#notes.at(-1)
    // Only the newest progress of an attempt matters.
    if (note.progress !== undefined && last?.progress !== undefined && last.claim === note.claim) this.#notes.pop()
    else if (this.#notes.length >= MAX_NOTES || this.#length >= MAX_LENGTH) this.#drop()
    this.#notes.push(note)
    this.#length += lengthOf(note)
  }

  /** Takes the first notes: as many as one Store call may carry. */
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
