/** The processes of a trial: workers and servers, started again when they are gone, and Redis. */
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { type Started, start } from "../redis/server.ts"
import type { Setting } from "./Setting.ts"
import type { Answer, Asked, ClockSet } from "./Wire.ts"

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly at: number
}

/** A worker or server process. */
export class Process {
  readonly pid: number
  readonly ended: Promise<Ended>
  /** What it said when it was ready; undefined when it ended before. */
  readonly ready: Promise<Extract<Answer, { readonly is: "ready" }> | undefined>
  isReady = false
  isEnded = false
  readonly #child: ChildProcess
  readonly #asked: Map<number, (answer: Answer | undefined) => void> = new Map()
  #count = 0

  constructor(script: "worker" | "server", setting: Setting) {
    const child = fork(fileURLToPath(new URL(`${script}.ts`, import.meta.url)), {
      env: { ...process.env, CHAOS: JSON.stringify(setting) },
      stdio: ["ignore", "ignore", "inherit", "ipc"]
    })
    this.#child = child
    this.pid = child.pid!
    // Whoever is gone can't be told anything; that is seen by its end.
    child.on("error", () => undefined)
    this.ended = new Promise((resolve) =>
      child.once("exit", (code, signal) => {
        this.isEnded = true
        for (const tell of this.#asked.values()) tell(undefined)
        this.#asked.clear()
        resolve({ code, signal, at: Date.now() })
      })
    )
    const ready = new Promise<Extract<Answer, { readonly is: "ready" }>>((resolve) =>
      child.on("message", (answer: Answer) => {
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

  /** Asks it over its channel. Gives nothing when it ends before it answers. */
  ask(asked: Asked): Promise<Answer | undefined> {
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

/** A place that always has a process in it, while it is kept. */
export class Slot {
  readonly #script: "worker" | "server"
  readonly #settingOf: () => Setting
  readonly #onFailure: (line: string, ended: Ended) => void
  /** Whether something is being done to its process, which nothing else is to be done to then. */
  isBusy = false
  #isKept = true
  current: Process

  /** Each process that it starts is told another setting. */
  constructor(script: "worker" | "server", settingOf: () => Setting, onFailure: (line: string, ended: Ended) => void) {
    this.#script = script
    this.#settingOf = settingOf
    this.#onFailure = onFailure
    this.current = this.#start()
  }

  /** Leaves the process to itself and to whoever ends it. */
  release(): void {
    this.#isKept = false
  }

  #start(): Process {
    const process = new Process(this.#script, this.#settingOf())
    process.ended.then((ended) => {
      if (!this.#isKept) return
      const { code, signal } = ended
      // As a supervisor does: nobody asked for that, but a Redis that is away at start-up may be the cause.
      if (signal !== "SIGKILL" && code !== 0) {
        this.#onFailure(`${this.#script} ${process.pid} ended with ${code ?? signal}`, ended)
      }
      this.current = this.#start()
    })
    return process
  }
}

/** A Redis that keeps everything in its file before it answers, and that can be killed. */
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

  /** SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    await this.#server?.stop()
    this.#server = undefined
  }

  /** Starts it on what its file has. */
  async restart(): Promise<void> {
    this.#server = await start(this.#program, DURABLE, { directory: this.#directory, port: this.port })
  }
}

const DURABLE = ["--appendfsync", "always"]
