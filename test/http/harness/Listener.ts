/** A reader of `text/event-stream`. */
import { expect } from "vitest"
import type { Json, Server } from "./Client.ts"

export class Listener {
  readonly events: Array<Json> = []
  readonly ids: Array<string> = []
  /** The ids of the places where something is missed. */
  readonly gaps: Array<string> = []
  /** Where it would go on. */
  place: string | undefined
  readonly #stop = new AbortController()
  readonly ended: Promise<void>
  isOver = false

  private constructor(response: Response, stop: AbortController) {
    this.#stop = stop
    this.ended = this.#read(response).finally(() => {
      this.isOver = true
    })
    this.ended.catch(() => undefined)
  }

  static async open(server: Server, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Listener> {
    const stop = new AbortController()
    const response = await fetch(server.url + path, { headers, signal: stop.signal })
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"])
    return new Listener(response, stop)
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder()
    let text = ""
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk, { stream: true })
      const parts = text.split("\n\n")
      text = parts.pop()!
      for (const part of parts) this.#take(part)
    }
    expect(text).toBe("")
  }

  #take(part: string): void {
    const fields = new Map(part.split("\n").map((line) => line.split(/: ?(.*)/s, 2) as [string, string]))
    const data = fields.get("data")
    this.place = fields.get("id") ?? this.place
    if (data === undefined) return
    if (fields.get("event") === "gap") {
      this.gaps.push(fields.get("id")!)
      return
    }
    this.ids.push(fields.get("id")!)
    this.events.push(JSON.parse(data))
  }

  close(): void {
    this.#stop.abort()
  }
}
