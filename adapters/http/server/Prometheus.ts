/** Metrics as Prometheus reads them. Source: its text exposition format, version 0.0.4. */
import { bound, type Histogram } from "../../../core/statistics/Histogram.ts"

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** Names and values. There may not be many values of one name: each makes series of its own. */
export type Labels = Readonly<Record<string, string>>

/** How many classes of a spread are told apart, and how far: half a power of ten each, six of them. */
const CLASSES = 13
const APART = 12

/** Metrics, family by family. */
export class Exposition {
  #text = ""

  /** Begins a family; what follows belongs to it. */
  family(name: string, type: "counter" | "gauge" | "histogram", help: string): Family {
    this.#text += `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`
    const line = (suffix: string, labels: Labels, value: number): void => {
      this.#text += `${name}${suffix}${shown(labels)} ${value}\n`
    }
    return {
      add: (value, labels = {}) => line("", labels, value),
      spread: (spread, perSecond, labels, first = 0) => {
        for (let at = first; at < first + CLASSES * APART; at += APART) {
          line("_bucket", { ...labels, le: String(bound(at) / perSecond) }, spread.upTo(at))
        }
        line("_bucket", { ...labels, le: "+Inf" }, spread.count)
        line("_sum", labels, spread.sum / perSecond)
        line("_count", labels, spread.count)
      }
    }
  }

  get text(): string {
    return this.#text
  }
}

/** What a family takes. */
export interface Family {
  readonly add: (value: number, labels?: Labels) => void
  /** Of a histogram: values of which so many make a second, told apart from a class on. */
  readonly spread: (spread: Histogram, perSecond: number, labels: Labels, first?: number) => void
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const shown = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`)
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`
}
