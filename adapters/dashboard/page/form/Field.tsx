/** The fields of a form that is made from a JSON Schema. */
import { createContext, type JSX } from "preact"
import { useContext, useId, useState } from "preact/hooks"
import type { ClientError } from "../data/Connection.ts"
import { Icon } from "../parts/Icon.tsx"
import {
  Broken,
  fits,
  hintsOf,
  initial,
  isObject,
  nameOf,
  own,
  type Property,
  resolve,
  type Schema,
  type Shape,
  shapeOf
} from "./Shape.ts"

/** What all fields of a form share. */
interface Form {
  /** The schema that references begin at. */
  readonly root: Schema
  /** What the server says of each path. */
  readonly details: ClientError["details"]
}

export const FormContext = createContext<Form>({ root: {}, details: [] })

interface Props {
  readonly schema: unknown
  readonly value: unknown
  /** Undefined leaves the value out. */
  readonly change: (value: unknown) => void
  /** Where the value is in the request, as the server names it. */
  readonly path: string
  readonly isRequired: boolean
}

/** Beyond this depth values are edited as JSON: a schema may refer to itself. */
const MAX_DEPTH = 8

/** What the server says of a path. Shown by the field of it. */
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

/** The messages for a path and for all below it. */
export const messagesAt = (details: ClientError["details"], path: string): ReadonlyArray<string> =>
  distinct(details.filter((detail) => isAt(detail.path, path)))

/** A parameter of several steps may be refused by each of them, in the same words. */
const distinct = (details: ClientError["details"]): ReadonlyArray<string> => [
  ...new Set(details.map(({ message }) => message))
]

const isAt = (path: string, top: string): boolean => path === top || path.startsWith(`${top}.`)

/** Whether no field further down shows this complaint. */
const isOwn = (shape: Shape, value: unknown, path: string, complaint: string): boolean => {
  if (!isAt(complaint, path)) return false
  const rest = complaint.slice(path.length + 1)
  if (shape.kind === "group") return !shape.fields.some(({ name }) => rest !== "" && isAt(rest, name))
  if (shape.kind === "list") return !(Array.isArray(value) && value.some((_, at) => isAt(rest, String(at))))
  return true
}

/** A field with its name, what to type, and what the server says of it. */
export const Field = ({
  name,
  depth = 0,
  remove,
  ...props
}: Props & {
  readonly name: string
  readonly depth?: number
  /** Takes the field away, as an item of a list. */
  readonly remove?: () => void
}): JSX.Element => {
  const { root, details } = useContext(FormContext)
  const id = useId()
  const resolved = resolve(props.schema, root)
  const shape: Shape = depth > MAX_DEPTH ? { kind: "json" } : shapeOf(resolved, root)
  const [chosen, setChosen] = useState(-1)
  const { title, description } = resolved
  const { value, change, isRequired, path } = props
  const options = shape.kind === "either" ? shape.options : undefined
  const option = options === undefined ? -1 : optionOf(options, value, chosen, root)
  const schema = options === undefined ? resolved : options[option]
  const inner = schema === undefined ? undefined : schema === resolved ? shape : shapeOf(schema, root)
  const messages = distinct(details.filter((detail) => isOwn(inner ?? { kind: "json" }, value, path, detail.path)))
  const isSet = value !== undefined
  const isParts = options !== undefined || shape.kind === "group" || shape.kind === "list"
  const hints = [
    ...(isRequired || remove !== undefined ? [] : ["optional"]),
    ...(inner === undefined || schema === undefined ? [] : hintsOf(schema, inner))
  ]
  const label = (
    <>
      <bdi>{typeof title === "string" && title !== "" ? title : name}</bdi>
      {typeof title === "string" && title !== "" && title !== name && <code>{name}</code>}
      <small>{hints.join(", ")}</small>
    </>
  )
  const ids = [description === undefined ? "" : `${id}-note`, messages.length === 0 ? "" : `${id}-complaint`]
  const control: ControlProps = {
    id,
    value,
    change,
    path,
    depth,
    isRequired,
    describedBy: ids.join(" ").trim() || undefined,
    isInvalid: messages.length > 0,
    shape: inner ?? { kind: "json" },
    schema: schema ?? {}
  }
  const body = (
    <>
      {typeof description === "string" && (
        <p class="note" id={`${id}-note`}>
          {description}
        </p>
      )}
      {options !== undefined && (
        <select
          aria-label={`Kind of ${name}`}
          value={option}
          onChange={(event) => {
            const next = Number(event.currentTarget.value)
            setChosen(next)
            change(next === -1 ? undefined : begin(options[next], root))
          }}
        >
          <option value={-1}>{isRequired ? "Choose…" : "Not given"}</option>
          {options.map((one, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the alternatives of a schema never move
            <option key={at} value={at}>
              {nameOf(one, shapeOf(one, root)) || `alternative ${at + 1}`}
            </option>
          ))}
        </select>
      )}
      {inner !== undefined && !isOnlyChoice(inner, options) && <Control {...control} />}
      <Complaint id={`${id}-complaint`} messages={messages} />
    </>
  )
  const buttons = (
    <>
      {remove !== undefined && (
        <button type="button" class="plain" aria-label={`Remove ${name}`} title="Remove" onClick={remove}>
          <Icon name="failed" />
        </button>
      )}
      {isParts && options === undefined && isSet && !isRequired && remove === undefined && (
        <button type="button" class="plain" onClick={() => change(undefined)}>
          Leave out
        </button>
      )}
    </>
  )
  return isParts ? (
    <fieldset class="given">
      <legend>{label}</legend>
      {buttons}
      {body}
    </fieldset>
  ) : (
    <div class="given">
      <div class="given-name">
        <label for={id}>{label}</label>
        {buttons}
      </div>
      {body}
    </div>
  )
}

/** Whether the choice of the alternative says it all, as for `null`. */
const isOnlyChoice = (shape: Shape, options: ReadonlyArray<Schema> | undefined): boolean =>
  options !== undefined && shape.kind === "choice" && shape.values.length === 1

/** What a chosen value begins with. */
const begin = (schema: unknown, root: Schema): unknown => {
  const value = initial(schema, root)
  return value === undefined && shapeOf(resolve(schema, root), root).kind === "text" ? "" : value
}

/** The alternative that a value is of: the chosen one while it can be. */
const optionOf = (options: ReadonlyArray<Schema>, value: unknown, chosen: number, root: Schema): number => {
  const shapes = options.map((option) => shapeOf(option, root))
  const found = shapes.findIndex((shape) => fits(shape, value, root))
  const current = shapes[chosen]
  if (current === undefined) return value === undefined ? -1 : found
  if (value === undefined) return current.kind === "number" || current.kind === "json" || found === -1 ? chosen : found
  // A number may be half typed, and a text that is not JSON is kept where it was typed.
  return fits(current, value, root) || found === -1 || (current.kind === "number" && typeof value === "string")
    ? chosen
    : found
}

interface ControlProps extends Omit<Props, "schema"> {
  readonly id: string
  readonly depth: number
  readonly describedBy: string | undefined
  readonly isInvalid: boolean
  readonly shape: Shape
  readonly schema: Schema
}

const Control = (props: ControlProps): JSX.Element => {
  const { id, describedBy, isInvalid, shape, value, change } = props
  const marks = { id, "aria-describedby": describedBy, "aria-invalid": isInvalid || undefined }
  switch (shape.kind) {
    case "text":
      return (
        <textarea
          {...marks}
          rows={1}
          spellcheck={false}
          value={textOf(value)}
          onInput={({ currentTarget: { value: text } }) =>
            change(text === "" && !props.isRequired && props.depth === 0 ? undefined : text)
          }
        />
      )
    case "number":
      return <NumberInput marks={marks} value={value} change={change} />
    case "choice":
      return <Choice marks={marks} values={shape.values} {...props} />
    case "list":
      return <List item={shape.item} {...props} />
    case "group":
      return <Group fields={shape.fields} {...props} />
    default:
      return <JsonInput marks={marks} value={value} change={change} />
  }
}

type Marks = Pick<JSX.AllHTMLAttributes, "id" | "aria-describedby" | "aria-invalid">

const textOf = (value: unknown): string =>
  value === undefined
    ? ""
    : value instanceof Broken
      ? value.text
      : typeof value === "string"
        ? value
        : JSON.stringify(value)

const NUMBER = /^-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

/** A number; a text that is none stays a text, which the server refuses with a reason. */
const numberOf = (text: string): unknown => {
  const trimmed = text.trim()
  if (trimmed === "") return undefined
  const number = Number(trimmed)
  return NUMBER.test(trimmed) && Number.isFinite(number) ? number : trimmed
}

const NumberInput = ({
  marks,
  value,
  change
}: {
  readonly marks: Marks
  readonly value: unknown
  readonly change: (value: unknown) => void
}): JSX.Element => {
  // The text is kept as it was typed, such as `1.`, while it stands for the value.
  const [text, setText] = useState("")
  return (
    <input
      {...marks}
      inputMode="decimal"
      autoComplete="off"
      value={Object.is(numberOf(text), value) ? text : textOf(value)}
      onInput={(event) => {
        setText(event.currentTarget.value)
        change(numberOf(event.currentTarget.value))
      }}
    />
  )
}

const parsed = (text: string): unknown => {
  if (text.trim() === "") return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return new Broken(text)
  }
}

const JsonInput = ({
  marks,
  value,
  change
}: {
  readonly marks: Marks
  readonly value: unknown
  readonly change: (value: unknown) => void
}): JSX.Element => {
  const [text, setText] = useState("")
  const isCurrent = JSON.stringify(parsed(text)) === JSON.stringify(value)
  return (
    <>
      <textarea
        {...marks}
        rows={3}
        spellcheck={false}
        value={
          isCurrent
            ? text
            : value instanceof Broken
              ? value.text
              : value === undefined
                ? ""
                : JSON.stringify(value, undefined, 2)
        }
        onInput={(event) => {
          setText(event.currentTarget.value)
          change(parsed(event.currentTarget.value))
        }}
      />
      {value instanceof Broken && <Complaint messages={["This is not JSON yet."]} />}
    </>
  )
}

const Choice = ({
  marks,
  values,
  value,
  change,
  isRequired
}: Pick<Props, "value" | "change" | "isRequired"> & {
  readonly marks: Marks
  readonly values: ReadonlyArray<unknown>
}): JSX.Element => {
  const at = values.indexOf(value)
  return (
    <select
      {...marks}
      value={value === undefined ? "" : at}
      onChange={({ currentTarget: { value: index } }) => change(index === "" ? undefined : values[Number(index)])}
    >
      <option value="">{isRequired ? "Choose…" : "Not given"}</option>
      {values.map((one, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the choices of a schema never move
        <option key={index} value={index}>
          {textOf(one)}
        </option>
      ))}
      {value !== undefined && at === -1 && <option value={-1}>{textOf(value)} (not a choice)</option>}
    </select>
  )
}

/** How many items of a list are shown as fields. */
const MAX_ITEMS = 200

const List = ({ item, value, change, path, depth }: ControlProps & { readonly item: unknown }): JSX.Element => {
  const { root } = useContext(FormContext)
  const items: ReadonlyArray<unknown> = Array.isArray(value) ? value : []
  return (
    <>
      {items.slice(0, MAX_ITEMS).map((one, at) => (
        <Field
          // biome-ignore lint/suspicious/noArrayIndexKey: items have no other name
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
      {items.length > MAX_ITEMS ? (
        <p class="note">The other {items.length - MAX_ITEMS} items can be changed as JSON.</p>
      ) : (
        <div>
          <button type="button" onClick={() => change([...items, begin(item, root)])}>
            <Icon name="plus" /> Add an item
          </button>
        </div>
      )}
    </>
  )
}

const Group = ({
  fields,
  value,
  change,
  path,
  depth,
  isRequired
}: ControlProps & { readonly fields: ReadonlyArray<Property> }): JSX.Element => {
  const { root } = useContext(FormContext)
  if (value === undefined && !isRequired) {
    return (
      <div>
        <button type="button" onClick={() => change(begin({ type: "object", ...groupSchema(fields) }, root))}>
          <Icon name="plus" /> Give it
        </button>
      </div>
    )
  }
  return <Properties fields={fields} value={value} change={change} path={path} depth={depth + 1} />
}

const groupSchema = (fields: ReadonlyArray<Property>): Schema => ({
  properties: Object.fromEntries(fields.map(({ name, schema }) => [name, schema])),
  required: fields.flatMap(({ name, isRequired }) => (isRequired ? [name] : []))
})

/** A field for each key of an object. Other keys of the value are kept. */
export const Properties = ({
  fields,
  value,
  change,
  path,
  depth = 0
}: {
  readonly fields: ReadonlyArray<Property>
  readonly value: unknown
  readonly change: (value: Schema) => void
  readonly path: string
  readonly depth?: number
}): JSX.Element => (
  <>
    {fields.map(({ name, schema, isRequired }) => (
      <Field
        key={name}
        name={name}
        schema={schema}
        value={own(value, name)}
        path={`${path}.${name}`}
        depth={depth}
        isRequired={isRequired}
        change={(next) => {
          const entries = Object.entries(isObject(value) ? value : {})
          if (next === undefined) return change(Object.fromEntries(entries.filter(([key]) => key !== name)))
          const isNew = !entries.some(([key]) => key === name)
          const changed = entries.map(([key, last]) => [key, key === name ? next : last] as const)
          change(Object.fromEntries(isNew ? [...changed, [name, next]] : changed))
        }}
      />
    ))}
  </>
)
