/** The fields of a form that is made from a JSON Schema. */
import { type ComponentChildren, createContext, type JSX } from "preact"
import { useContext, useId, useState } from "preact/hooks"
import type { ClientError } from "../data/Connection.ts"
import { Icon } from "../parts/Icon.tsx"
import {
  Broken,
  fits,
  hintsOf,
  initial,
  isObject,
  JSON_SHAPE,
  own,
  type Property,
  resolve,
  type Schema,
  type Shape,
  shapeOf,
  textOf
} from "./Shape.ts"

/** What all fields of a form share. */
interface Form {
  /** The schema that references begin at. */
  readonly root: Schema
  /** What the server says of each path. */
  readonly details: ClientError["details"]
}

export const FormContext = createContext<Form>({ root: {}, details: [] })

interface Value {
  readonly value: unknown
  /** Undefined leaves the value out. */
  readonly change: (value: unknown) => void
}

interface Props extends Value {
  readonly name: string
  readonly schema: unknown
  /** Where the value is in the request, as the server names it. */
  readonly path: string
  readonly isRequired: boolean
  readonly depth: number
  /** Takes the field away, as an item of a list. */
  readonly remove?: () => void
}

/** Beyond this depth values are edited as JSON: a schema may refer to itself. */
const MAX_DEPTH = 8

/** What the server says of a field. */
export const Complaint = ({
  id,
  messages
}: {
  readonly id?: string
  readonly messages: ReadonlyArray<string>
}): JSX.Element | null =>
  messages.length === 0 ? null : (
    <p class="complaint" id={id}>
      <Icon name="failed" /> {messages.join(" ")}
    </p>
  )

/** The messages for a path and for what has no field of its own below it. A parameter of several steps may have one twice. */
export const messagesAt = (details: ClientError["details"], path: string, isWhole = true): ReadonlyArray<string> => [
  ...new Set(
    details
      .filter((detail) => detail.path === path || (isWhole && detail.path.startsWith(`${path}.`)))
      .map(({ message }) => message)
  )
]

/** A field with its name, what to type, and what the server says of it. */
export const Field = (props: Props): JSX.Element => {
  const { name, value, change, isRequired, path, depth, remove } = props
  const { root, details } = useContext(FormContext)
  const id = useId()
  const [chosen, setChosen] = useState(-1)
  const resolved = resolve(props.schema, root)
  const shape = depth > MAX_DEPTH ? JSON_SHAPE : shapeOf(resolved, root)
  const options = shape.kind === "either" ? shape.options : undefined
  const option = options === undefined ? -1 : optionOf(options, value, chosen, root)
  const schema = options?.[option] ?? resolved
  const inner = options === undefined ? shape : option === -1 ? undefined : shapeOf(schema, root)
  const isParts = inner?.kind === "object" || inner?.kind === "list"
  const messages = messagesAt(details, path, !isParts)
  const { title, description } = resolved
  const hints = [title, isRequired ? "" : "optional", ...(inner === undefined ? [] : hintsOf(schema, inner))]
  const label = (
    <>
      <bdi>{name}</bdi> <small>{hints.filter(Boolean).join(", ")}</small>
    </>
  )
  const marks: Marks = {
    id,
    "aria-describedby": `${id}n ${id}c`,
    "aria-invalid": messages.length > 0 || undefined
  }
  const canLeaveOut = isParts && options === undefined && value !== undefined && !isRequired
  const body = (
    <>
      {(canLeaveOut || remove !== undefined) && (
        <button
          type="button"
          class="plain"
          aria-label={`Remove ${name}`}
          title="Remove"
          onClick={remove ?? (() => change(undefined))}
        >
          <Icon name="failed" />
        </button>
      )}
      {description !== undefined && (
        <p class="faint" id={`${id}n`}>
          {String(description)}
        </p>
      )}
      {options !== undefined && (
        <Options
          marks={inner === undefined || isParts ? marks : { "aria-label": `Kind of ${name}` }}
          at={option}
          isRequired={isRequired}
          choices={options.map((one) => nameOf(one, root))}
          choose={(at) => {
            setChosen(at)
            change(at === -1 ? undefined : begin(options[at], root))
          }}
        />
      )}
      {inner !== undefined && !(options !== undefined && inner.kind === "choice" && inner.values.length === 1) && (
        <Control {...props} shape={inner} marks={marks} />
      )}
      <Complaint id={`${id}c`} messages={messages} />
    </>
  )
  return isParts ? (
    <fieldset class="given">
      <legend>{label}</legend>
      {body}
    </fieldset>
  ) : (
    <div class="given">
      <label for={id}>{label}</label>
      {body}
    </div>
  )
}

/** An alternative in a few words: its title, its constant, or its kind. */
const nameOf = (schema: Schema, root: Schema): string => {
  const shape = shapeOf(schema, root)
  const parts =
    shape.kind === "object" ? shape.fields.map((field) => shapeOf(resolve(field.schema, root), root)) : [shape]
  const constant = parts.find((part) => part.kind === "choice")
  return String(
    schema["title"] ?? (constant?.kind === "choice" ? constant.values.map(textOf).join(" or ") : shape.kind)
  )
}

/** What a new value begins with. */
const begin = (schema: unknown, root: Schema): unknown => {
  const value = initial(schema, root)
  return value === undefined && shapeOf(resolve(schema, root), root).kind === "text" ? "" : value
}

/** The alternative that a value is of; the chosen one while the value can be of it. */
const optionOf = (options: ReadonlyArray<Schema>, value: unknown, chosen: number, root: Schema): number => {
  const shapes = options.map((option) => shapeOf(option, root))
  const current = shapes[chosen]
  const found = value === undefined ? -1 : shapes.findIndex((shape) => fits(shape, value))
  // A number may be half typed, and is a text then.
  const isStill =
    current !== undefined &&
    (found === -1 || fits(current, value) || (typeof value === "string" && current.kind.endsWith("number")))
  return isStill ? chosen : found
}

interface Marks {
  readonly id?: string
  readonly "aria-describedby"?: string
  readonly "aria-invalid"?: true | undefined
  readonly "aria-label"?: string
}

const Control = (props: Props & { readonly shape: Shape; readonly marks: Marks }): JSX.Element => {
  const { root } = useContext(FormContext)
  const { marks, shape, schema, value, change, isRequired, depth } = props
  switch (shape.kind) {
    case "text":
      return (
        <textarea
          {...marks}
          rows={1}
          spellcheck={false}
          value={textOf(value)}
          onInput={({ currentTarget: { value: text } }) => change(text === "" && !isRequired ? undefined : text)}
        />
      )
    case "choice": {
      const at = shape.values.indexOf(value)
      const isOther = value !== undefined && at === -1
      return (
        <Options
          marks={marks}
          at={isOther ? shape.values.length : at}
          isRequired={isRequired}
          choices={[...shape.values, ...(isOther ? [value] : [])].map(textOf)}
          choose={(index) => change(shape.values[index])}
        />
      )
    }
    case "list":
      return <List {...props} item={shape.item} />
    case "object":
      return value === undefined && !isRequired ? (
        <Add act={() => change(begin(schema, root))}>Give it</Add>
      ) : (
        <Properties {...props} fields={shape.fields} depth={depth + 1} />
      )
    default:
      return <Typed {...props} isJson={shape.kind === "JSON"} />
  }
}

/** One of a few choices, by its index; -1: none. */
const Options = ({
  marks,
  at,
  choices,
  isRequired,
  choose
}: {
  readonly marks: Marks
  readonly at: number
  readonly choices: ReadonlyArray<string>
  readonly isRequired: boolean
  readonly choose: (at: number) => void
}): JSX.Element => (
  <select {...marks} value={at} onChange={(event) => choose(Number(event.currentTarget.value))}>
    <option value={-1}>{isRequired ? "Choose…" : "Not given"}</option>
    {choices.map((choice, index) => (
      <option key={index + choice} value={index}>
        {choice}
      </option>
    ))}
  </select>
)

const Add = ({ act, children }: { readonly act: () => void; readonly children: ComponentChildren }): JSX.Element => (
  <button type="button" onClick={act}>
    <Icon name="plus" /> {children}
  </button>
)

/** A number, or the text as it is, which the server refuses with a reason. */
export const numberOf = (text: string): unknown => {
  const trimmed = text.trim()
  return trimmed === "" ? undefined : Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed
}

const jsonOf = (text: string): unknown => {
  try {
    return text.trim() === "" ? undefined : JSON.parse(text)
  } catch {
    return new Broken(text)
  }
}

/** A number or JSON. */
const Typed = ({
  marks,
  value,
  change,
  isJson
}: Value & { readonly marks: Marks; readonly isJson: boolean }): JSX.Element => {
  const [text, setText] = useState("")
  const read = isJson ? jsonOf : numberOf
  // The text stays as it was typed, such as `1.`, while it stands for the value.
  const isCurrent = JSON.stringify(read(text)) === JSON.stringify(value)
  const given = {
    ...marks,
    spellcheck: false,
    value: isCurrent
      ? text
      : isJson && !(value instanceof Broken)
        ? JSON.stringify(value, undefined, 2)
        : textOf(value),
    onInput: ({ currentTarget }: { readonly currentTarget: { readonly value: string } }) => {
      setText(currentTarget.value)
      change(read(currentTarget.value))
    }
  }
  return isJson ? (
    <>
      <textarea {...given} rows={3} />
      <Complaint messages={value instanceof Broken ? ["This is not JSON yet."] : []} />
    </>
  ) : (
    <input {...given} inputMode="decimal" />
  )
}

/** How many items of a list are shown as fields. */
const MAX_ITEMS = 200

const List = ({ item, value, change, path, depth }: Props & { readonly item: unknown }): JSX.Element => {
  const { root } = useContext(FormContext)
  const items: ReadonlyArray<unknown> = Array.isArray(value) ? value : []
  return (
    <>
      {items.slice(0, MAX_ITEMS).map((one, at) => (
        <Field
          key={at}
          name={`${at + 1}`}
          schema={item}
          value={one}
          path={`${path}.${at}`}
          depth={depth + 1}
          isRequired
          change={(next) => change(items.with(at, next))}
          remove={() => change(items.toSpliced(at, 1))}
        />
      ))}
      {items.length > MAX_ITEMS && <p class="faint">The JSON has {items.length - MAX_ITEMS} more.</p>}
      <Add act={() => change([...items, begin(item, root)])}>Add an item</Add>
    </>
  )
}

/** A field for each key of an object. Other keys of the value are kept, and all keys stay in their order. */
export const Properties = ({
  fields,
  value,
  change,
  path,
  depth
}: Pick<Props, "path" | "depth"> & {
  readonly fields: ReadonlyArray<Property>
  readonly value: unknown
  readonly change: (value: Schema) => void
}): JSX.Element => (
  <>
    {fields.map((field) => (
      <Field
        key={field.name}
        {...field}
        value={own(value, field.name)}
        path={`${path}.${field.name}`}
        depth={depth}
        change={(next) => {
          const all = new Map(Object.entries(isObject(value) ? value : {}))
          all.set(field.name, next)
          change(Object.fromEntries([...all].filter(([, part]) => part !== undefined)))
        }}
      />
    ))}
  </>
)
