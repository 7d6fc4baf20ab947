/** A histogram with exponential buckets: each bound is about ten per cent above the one before. */

/** How many buckets a power of ten has. */
const PER_DECADE = 24

/** The upper bound of a bucket, inclusive. */
export const bound = (at: number): number => Math.floor(10 ** (at / PER_DECADE))

/** The bucket of a value. The first bucket has all values up to 1. */
const bucketOf = (value: number): number => (value <= 1 ? 0 : Math.ceil(PER_DECADE * Math.log10(value) - 1e-9))

/** Counts of values, such as milliseconds. */
export class Histogram {
  readonly #counts: Map<number, number> = new Map()
  count = 0
  sum = 0
  max = 0

  add(value: number): void {
    const at = bucketOf(value)
    this.#counts.set(at, (this.#counts.get(at) ?? 0) + 1)
    this.count++
    this.sum += value
    this.max = Math.max(this.max, value)
  }

  /** Adds the values of another histogram. */
  merge(other: Histogram): void {
    for (const [at, count] of other.#counts) this.#counts.set(at, (this.#counts.get(at) ?? 0) + count)
    this.count += other.count
    this.sum += other.sum
    this.max = Math.max(this.max, other.max)
  }

  /** How many values are in this bucket or a lower one. */
  upTo(at: number): number {
    let count = 0
    for (const [other, many] of this.#counts) if (other <= at) count += many
    return count
  }

  /** The quantile of a share from 0 to 1, at most a tenth too high; undefined without values. */
  quantile(share: number): number | undefined {
    if (this.count === 0) return undefined
    const wanted = Math.max(1, Math.ceil(share * this.count))
    let seen = 0
    for (const at of [...this.#counts.keys()].sort((one, other) => one - other)) {
      seen += this.#counts.get(at)!
      if (seen >= wanted) return Math.min(bound(at), this.max)
    }
    return this.max
  }
}
