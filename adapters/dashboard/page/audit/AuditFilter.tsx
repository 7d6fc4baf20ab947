/** Which records of the audit log are shown. Every change is a new address. */
import type { JSX } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { Icon } from "../parts/Icon.tsx"
import { useKeys } from "../parts/Keys.ts"
import { go, href } from "../Router.ts"

/** The filter, as it is in the address. */
export interface Filter {
  readonly outcome?: string
  readonly principal?: string
  readonly pipeline_id?: string
  readonly since?: string
  readonly until?: string
  readonly cursor?: string
}

const OUTCOMES = [
  ["allowed", "Allowed", "COMPLETED", "completed"],
  ["denied", "Denied", "FAILED", "failed"]
] as const

export const AuditFilter = ({ filter }: { readonly filter: Filter }): JSX.Element => {
  const first = useRef<HTMLInputElement>(null)
  useKeys({ "/": () => first.current?.focus() })
  const change = (values: { readonly [Key in keyof Filter]?: string | undefined }): void =>
    go(href(["audit"], { ...filter, cursor: undefined, ...values }), true)
  return (
    <search class="filters">
      <div class="filter-row">
        <fieldset class="chips">
          <legend class="hidden">Outcome</legend>
          {OUTCOMES.map(([outcome, title, status, icon]) => (
            <button
              key={outcome}
              type="button"
              class={`chip ${status}`}
              aria-pressed={filter.outcome === outcome}
              onClick={() => change({ outcome: filter.outcome === outcome ? undefined : outcome })}
            >
              <Icon name={icon} />
              {title}
            </button>
          ))}
        </fieldset>
        <Entered
          label="Principal"
          value={filter.principal}
          inputRef={first}
          change={(principal) => change({ principal })}
        />
        <Entered label="Pipeline" value={filter.pipeline_id} change={(pipeline_id) => change({ pipeline_id })} />
        <Entered label="Since" isInstant value={filter.since} change={(since) => change({ since })} />
        <Entered label="Before" isInstant value={filter.until} change={(until) => change({ until })} />
        {Object.keys(filter).some((key) => key !== "cursor") && (
          <button type="button" class="plain" onClick={() => go(href(["audit"]), true)}>
            Clear
          </button>
        )}
      </div>
    </search>
  )
}

/** A field that tells of its text when it is left, and on Enter. */
const Entered = ({
  label,
  value = "",
  isInstant = false,
  inputRef,
  change
}: {
  readonly label: string
  readonly value: string | undefined
  /** An instant in the browser's time zone. */
  readonly isInstant?: boolean
  readonly inputRef?: { current: HTMLInputElement | null }
  readonly change: (value: string | undefined) => void
}): JSX.Element => {
  const shown = isInstant ? toLocal(value) : value
  const [text, setText] = useState(shown)
  useEffect(() => setText(shown), [shown])
  return (
    <label class="field">
      {label}
      <input
        ref={inputRef ?? null}
        type={isInstant ? "datetime-local" : "text"}
        spellcheck={false}
        maxLength={500}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onChange={({ currentTarget: { value: next } }) =>
          change(next === "" ? undefined : isInstant ? new Date(next).toISOString() : next)
        }
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
      />
    </label>
  )
}

const toLocal = (value: string): string => {
  const at = new Date(value)
  return Number.isNaN(at.getTime())
    ? ""
    : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
