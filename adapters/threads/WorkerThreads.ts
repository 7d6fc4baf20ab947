/** The threads of the runtime: Node, Bun and Deno all have `node:worker_threads`. */

/** A thread of the runtime. */
export interface WorkerThread {
  readonly on: {
    (event: "message" | "error", listener: (value: unknown) => void): unknown
    (event: "exit", listener: (code: number) => void): unknown
  }
  readonly postMessage: (message: unknown) => void
  readonly terminate: () => Promise<unknown>
  readonly ref: () => void
  readonly unref: () => void
}

/** The part of `node:worker_threads` that this folder uses. */
export interface WorkerThreads {
  readonly Worker: new (code: string, options: { readonly eval: true; readonly workerData: unknown }) => WorkerThread
}

/** The runtime's `node:worker_threads`; undefined if there is none. */
export const workerThreads = (): WorkerThreads | undefined => {
  const { process } = globalThis as {
    readonly process?: { readonly getBuiltinModule?: (name: string) => WorkerThreads | undefined }
  }
  return process?.getBuiltinModule?.("node:worker_threads")
}

/** How many cores this process may use; 1 if the runtime does not say. */
export const cores = (): number => globalThis.navigator?.hardwareConcurrency ?? 1
