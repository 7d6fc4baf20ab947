/** What each system is asked for. */
import { LENGTH, type Shape, WIDTH } from "../shapes.ts"

/** A system that runs. */
export interface Peer {
  /**
   * Starts `count` runs with the input 1, in one call where the system has such a call. Each promise settles when the end of its run
   * is on the disk, with the output; `undefined` where the system passes no values from step to step.
   */
  readonly run: (shape: Shape, count: number) => ReadonlyArray<Promise<unknown>>
  readonly stop: () => Promise<unknown>
}

/** A new folder on the disk, and the address of the server, if the system needs one. */
export interface Place {
  readonly folder: string
  readonly url: string
}

/** Starts a system for so many clients at once. */
export type Start = (place: Place, atOnce: number) => Promise<Peer>

/** The output of a run of each shape. Every step adds one to the sum of its inputs. */
export const OUTPUT: Readonly<Record<Shape, number>> = {
  flat: 2,
  chain: 1 + LENGTH,
  diamond: 7,
  fan: 3 * WIDTH + 1
}

/** Promises of the ends of runs, by the id of the run. */
export class Ends {
  readonly #ends = new Map<string, PromiseWithResolvers<unknown>>()

  wait(id: string): Promise<unknown> {
    const end = this.#of(id)
    return end.promise.finally(() => this.#ends.delete(id))
  }

  /** May come before `wait`. */
  ended(id: string, output: unknown): void {
    this.#of(id).resolve(output)
  }

  #of(id: string): PromiseWithResolvers<unknown> {
    const known = this.#ends.get(id)
    if (known !== undefined) return known
    const end = Promise.withResolvers<unknown>()
    this.#ends.set(id, end)
    return end
  }
}
