/** The filter of the list of runs. Every change is a new address. */
import type { JSX } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { Icon } from "../parts/Icon.tsx"
import { useKeys } from "../parts/Keys.ts"
import { StatusChip } from "../parts/Status.tsx"
import { go, href } from "../Router.ts"
import { type Filter, RANGES, STATUSES, statusesOf } from "./Filter.ts"

/** The id of a run, as this library makes them. */
const RUN_ID = /^[0-9a-z]{20,60}$/

/** How long the user may pause while typing before the list is asked for, in milliseconds. */
const TYPING_MILLIS = 400

export const FilterBar = ({
  filter,
  pipelines
}: {
  readonly filter: Filter
  readonly pipelines: ReadonlyArray<string>
}): JSX.Element => {
  const search = useRef<HTMLInputElement>(null)
  const [isOpen, setOpen] = useState(
    [filter.since, filter.until, filter.failed_step, filter.min_duration_ms, filter.max_duration_ms].some(
      (value) => value !== undefined
    )
  )
  useKeys({ "/": () => search.current?.focus() })
  const change = (values: { readonly [Key in keyof Filter]?: string | undefined }): void =>
    go(href(["runs"], { ...filter, cursor: undefined, ...values }), true)
  const statuses = statusesOf(filter)
  const toggle = (status: string): void =>
    change({
      status: STATUSES.filter((one) => (one === status) !== statuses.includes(one)).join(",")
    })
  const isFiltered = Object.keys(filter).some((key) => key !== "cursor")
  return (
    <search class="filters">
      <div class="filter-row">
        <fieldset class="chips">
          <legend class="hidden">Status</legend>
          {STATUSES.map((status) => (
            <StatusChip key={status} status={status} isOn={statuses.includes(status)} toggle={() => toggle(status)} />
          ))}
        </fieldset>
        <Typed
          label="Search: text of an error, or a run's id"
          placeholder="Error text, or a run's id"
          value={filter.error ?? ""}
          inputRef={search}
          isSearch
          change={(error) => (RUN_ID.test(error) ? go(href(["runs", error])) : change({ error }))}
        />
        <label>
          <span class="hidden">Pipeline</span>
          <select
            value={filter.pipeline_id ?? ""}
            onChange={(event) => change({ pipeline_id: event.currentTarget.value })}
          >
            <option value="">All pipelines</option>
            {[...new Set([...pipelines, ...(filter.pipeline_id === undefined ? [] : [filter.pipeline_id])])].map(
              (id) => (
                <option key={id} value={id}>
                  {id}
                </option>
              )
            )}
          </select>
        </label>
        <label>
          <span class="hidden">Submitted</span>
          <select
            value={filter.range ?? ""}
            onChange={(event) => change({ range: event.currentTarget.value, since: undefined })}
          >
            <option value="">Any time</option>
            {Object.entries(RANGES).map(([name, [title]]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="plain" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Fewer filters" : "More filters"}
        </button>
        {isFiltered && (
          <button type="button" class="plain" onClick={() => go(href(["runs"]), true)}>
            Clear
          </button>
        )}
      </div>
      {isOpen && (
        <div class="filter-row">
          <Instant
            label="Submitted since"
            value={filter.since}
            change={(since) => change({ since, range: undefined })}
          />
          <Instant label="Submitted before" value={filter.until} change={(until) => change({ until })} />
          <Typed
            label="Failed in step"
            value={filter.failed_step ?? ""}
            change={(failed_step) => change({ failed_step })}
          />
          <Typed
            label="At least (ms)"
            value={filter.min_duration_ms ?? ""}
            isNumber
            change={(min_duration_ms) => change({ min_duration_ms })}
          />
          <Typed
            label="At most (ms)"
            value={filter.max_duration_ms ?? ""}
            isNumber
            change={(max_duration_ms) => change({ max_duration_ms })}
          />
        </div>
      )}
    </search>
  )
}

/** A field that tells of its text after a pause, and at once on Enter. */
export const Typed = ({
  label,
  value,
  change,
  placeholder,
  inputRef,
  isNumber = false,
  isSearch = false
}: {
  readonly label: string
  readonly value: string
  readonly change: (value: string) => void
  readonly placeholder?: string
  readonly inputRef?: { current: HTMLInputElement | null }
  /** Takes digits only. */
  readonly isNumber?: boolean
  readonly isSearch?: boolean
}): JSX.Element => {
  const [text, setText] = useState(value)
  const told = useRef(value)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => {
    // The address has changed otherwise, as by the browser's Back.
    if (value !== told.current) setText(value)
    told.current = value
  }, [value])
  useEffect(() => () => clearTimeout(timer.current), [])
  const tell = (next: string): void => {
    clearTimeout(timer.current)
    if (next === told.current) return
    told.current = next
    change(next)
  }
  return (
    <label class={isSearch ? "search" : "field"}>
      {isSearch ? (
        <>
          <span class="hidden">{label}</span>
          <Icon name="search" />
        </>
      ) : (
        label
      )}
      <input
        ref={inputRef ?? null}
        inputMode={isNumber ? "numeric" : "text"}
        maxLength={200}
        placeholder={placeholder ?? ""}
        spellcheck={false}
        value={text}
        onInput={(event) => {
          const { value } = event.currentTarget
          const next = isNumber ? value.replace(/\D/g, "").slice(0, 15) : value
          setText(next)
          clearTimeout(timer.current)
          timer.current = setTimeout(() => tell(next.trim()), TYPING_MILLIS)
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") tell(text.trim())
          if (event.key === "Escape") event.currentTarget.blur()
        }}
      />
    </label>
  )
}

/** An instant in the browser's time zone. */
export const Instant = ({
  label,
  value,
  change
}: {
  readonly label: string
  readonly value: string | undefined
  readonly change: (value: string | undefined) => void
}): JSX.Element => (
  <label class="field">
    {label}
    <input
      type="datetime-local"
      value={value === undefined || Number.isNaN(Date.parse(value)) ? "" : toLocal(value)}
      onChange={({ currentTarget: { value } }) => change(value === "" ? undefined : new Date(value).toISOString())}
    />
  </label>
)

const toLocal = (value: string): string => {
  const at = new Date(value)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
