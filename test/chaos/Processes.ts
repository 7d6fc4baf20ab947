/** The processes of a trial: Redis, and workers and servers, which are restarted when they end. */
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { type Started, start } from "../redis/server.ts"
import type { Setting } from "./Setting.ts"
import type { ClockSet, ServerAnswer, ServerRequest } from "./Wire.ts"

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly at: number
}

/** A worker or server process. */
export class Process {
  readonly pid: number
  readonly ended: Promise<ProcessEnd>
  /** Its message when it was ready; undefined if it ended before. */
  readonly ready: Promise<Extract<ServerAnswer, { readonly is: "ready" }> | undefined>
  isReady = false
  isEnded = false
  readonly #child: ChildProcess
  readonly #asked: Map<number, (answer: ServerAnswer | undefined) => void> = new Map()
  #count = 0

  constructor(script: "worker" | "server", setting: Setting) {
    const child = fork(fileURLToPath(new URL(`${script}.ts`, import.meta.url)), {
      env: { ...process.env, CHAOS: JSON.stringify(setting) },
      stdio: ["ignore", "ignore", "inherit", "ipc"]
    })
    this.#child = child
    this.pid = child.pid!
    // Sending to an ended process fails; its end is handled elsewhere.
    child.on("error", () => undefined)
    this.ended = new Promise((resolve) =>
      child.once("exit", (code, signal) => {
        this.isEnded = true
        for (const tell of this.#asked.values()) tell(undefined)
        this.#asked.clear()
        resolve({ code, signal, at: Date.now() })
      })
    )
    const ready = new Promise<Extract<ServerAnswer, { readonly is: "ready" }>>((resolve) =>
      child.on("message", (answer: ServerAnswer) => {
        if (answer.is === "ready") {
          this.isReady = true
          resolve(answer)
        } else {
          this.#asked.get(answer.id)?.(answer)
          this.#asked.delete(answer.id)
        }
      })
    )
    this.ready = Promise.race([ready, this.ended.then(() => undefined)])
  }

  /** Sends a request over its channel. Returns undefined if it ends before it answers. */
  ask(asked: ServerRequest): Promise<ServerAnswer | undefined> {
    if (this.isEnded || !this.#child.connected) return Promise.resolve(undefined)
    const id = ++this.#count
    return new Promise((resolve) => {
      this.#asked.set(id, resolve)
      this.#child.send({ ...asked, id }, () => undefined)
    })
  }

  /** Sets its wall clock. */
  set(clock: ClockSet): void {
    if (this.#child.connected) this.#child.send(clock, () => undefined)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }
}

/** Keeps one process running: starts another one when it ends. */
export class Slot {
  readonly #script: "worker" | "server"
  readonly #settingOf: () => Setting
  readonly #onFailure: (line: string, ended: ProcessEnd) => void
  /** Whether an act on its process is going on, so that no other may begin. */
  isBusy = false
  #isKept = true
  current: Process

  /** Each process gets a setting of its own. */
  constructor(
    script: "worker" | "server",
    settingOf: () => Setting,
    onFailure: (line: string, ended: ProcessEnd) => void
  ) {
    this.#script = script
    this.#settingOf = settingOf
    this.#onFailure = onFailure
    this.current = this.#start()
  }

  /** Stops restarting the process. */
  release(): void {
    this.#isKept = false
  }

  #start(): Process {
    const process = new Process(this.#script, this.#settingOf())
    process.ended.then((ended) => {
      if (!this.#isKept) return
      const { code, signal } = ended
      // As a supervisor does. The end was not an act, but a Redis that is away at start-up explains it.
      if (signal !== "SIGKILL" && code !== 0) {
        this.#onFailure(`${this.#script} ${process.pid} ended with ${code ?? signal}`, ended)
      }
      this.current = this.#start()
    })
    return process
  }
}

/** A Redis that writes everything to its file before it answers, and that can be killed. */
export class Redis {
  readonly port: number
  readonly #program: string
  readonly #directory: string
  #server: Started | undefined

  private constructor(program: string, directory: string, server: Started) {
    this.#program = program
    this.#directory = directory
    this.#server = server
    this.port = server.port
  }

  static async start(program: string, directory: string, port: number): Promise<Redis> {
    return new Redis(program, directory, await start(program, DURABLE, { directory, port }))
  }

  get pid(): number | undefined {
    return this.#server?.pid
  }

  /** Sends SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    await this.#server?.stop()
    this.#server = undefined
  }

  /** Starts it with the data in its file. */
  async restart(): Promise<void> {
    this.#server = await start(this.#program, DURABLE, { directory: this.#directory, port: this.port })
  }
}

const DURABLE = ["--appendfsync", "always"]
