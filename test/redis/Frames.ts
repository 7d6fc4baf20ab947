/** Measures the messages of a stream in Redis' protocol, RESP 2 and 3: commands one way, replies the other way. */

const CR = 13

/** Measures one direction of one connection, chunk by chunk, and keeps no payload. */
export class Frames {
  /** The bytes of the longest message so far. */
  longest = 0
  /** How many messages there were. */
  count = 0
  readonly #end: (bytes: number) => void
  #bytes = 0
  /** How many parts of the message are still to come. */
  #left = 1
  /** How many bytes of a text, with its line end, are still to come. */
  #text = 0
  #line = ""

  /** `end` is told of each message, with its bytes. */
  constructor(end: (bytes: number) => void = () => undefined) {
    this.#end = end
  }

  add(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#text > 0) {
        const some = Math.min(this.#text, chunk.length - at)
        this.#text -= some
        this.#bytes += some
        at += some
        if (this.#text === 0) this.#partEnds()
        continue
      }
      const end = chunk.indexOf(10, at)
      const next = end === -1 ? chunk.length : end + 1
      this.#line += chunk.toString("latin1", at, next)
      this.#bytes += next - at
      at = next
      if (end === -1) return
      const line = this.#line
      this.#line = ""
      this.#begin(line)
    }
  }

  #begin(line: string): void {
    const size = Number.parseInt(line.slice(1), 10)
    if (line.charCodeAt(line.length - 2) !== CR) throw new Error(`Not a line of Redis' protocol: ${line.slice(0, 50)}`)
    switch (line[0]) {
      case "$":
      case "=":
      case "!":
        if (size >= 0) this.#text = size + 2
        else this.#partEnds()
        return
      case "%":
      case "|":
        this.#left += 2 * size
        // Attributes come in front of a reply, and are no reply.
        if (line[0] === "%") this.#partEnds()
        return
      case "*":
      case "~":
      case ">":
        this.#left += Math.max(size, 0)
        this.#partEnds()
        return
      default:
        this.#partEnds()
    }
  }

  #partEnds(): void {
    if (--this.#left > 0) return
    this.longest = Math.max(this.longest, this.#bytes)
    this.count++
    const bytes = this.#bytes
    this.#bytes = 0
    this.#left = 1
    this.#end(bytes)
  }
}
