/** What the runtime has of threads: Node, Bun and Deno all have `node:worker_threads`. */

/** A thread of the runtime. */
export interface WorkerThread {
  readonly on: {
    (event: "message" | "error", listener: (told: unknown) => void): unknown
    (event: "exit", listener: (code: number) => void): unknown
  }
  readonly postMessage: (message: unknown) => void
  readonly terminate: () => Promise<unknown>
  readonly ref: () => void
  readonly unref: () => void
}

/** What this uses of `node:worker_threads`. */
export interface WorkerThreads {
  readonly Worker: new (code: string, options: { readonly eval: true; readonly workerData: unknown }) => WorkerThread
}

/** The runtime's `node:worker_threads`, loaded when it is first asked for; undefined where there is none. */
export const workerThreads = (): WorkerThreads | undefined => {
  const { process } = globalThis as {
    readonly process?: { readonly getBuiltinModule?: (name: string) => WorkerThreads | undefined }
  }
  return process?.getBuiltinModule?.("node:worker_threads")
}

/** How many cores this process may use; 1 where the runtime does not say. */
export const cores = (): number => globalThis.navigator?.hardwareConcurrency ?? 1
