/** Writes metrics for Prometheus. Source: its text exposition format, version 0.0.4. */
import { bound, type Histogram } from "../../../core/statistics/Histogram.ts"

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** Label names and values. Keep the number of values per name small: each combination is a time series. */
export type Labels = Readonly<Record<string, string>>

/** Number of buckets of an exposed histogram, and the step between them in buckets of `Histogram`: half a power of ten, six powers in all. */
const BUCKETS = 13
const BUCKET_STEP = 12

/** A metrics document, written family by family. */
export class Exposition {
  #text = ""

  /** Begins a family. Its samples must be added before the next family begins. */
  family(name: string, type: "counter" | "gauge" | "histogram", help: string): Family {
    this.#text += `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`
    const line = (suffix: string, labels: Labels, value: number): void => {
      this.#text += `${name}${suffix}${labelText(labels)} ${value}\n`
    }
    return {
      add: (value, labels = {}) => line("", labels, value),
      histogram: (values, perSecond, labels, first = 0) => {
        for (let at = first; at < first + BUCKETS * BUCKET_STEP; at += BUCKET_STEP) {
          line("_bucket", { ...labels, le: String(bound(at) / perSecond) }, values.upTo(at))
        }
        line("_bucket", { ...labels, le: "+Inf" }, values.count)
        line("_sum", labels, values.sum / perSecond)
        line("_count", labels, values.count)
      }
    }
  }

  get text(): string {
    return this.#text
  }
}

/** Adds samples to a family. */
export interface Family {
  readonly add: (value: number, labels?: Labels) => void
  /** Adds a histogram. `perSecond`: how many of its units make a second. `first`: the lowest bucket to expose. */
  readonly histogram: (values: Histogram, perSecond: number, labels: Labels, first?: number) => void
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const labelText = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`)
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`
}
