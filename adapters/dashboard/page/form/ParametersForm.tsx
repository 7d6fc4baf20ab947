/** The parameters of a pipeline: as fields that are made from its JSON Schema, or as JSON. Both show the same values. */
import type { JSX } from "preact"
import { useId, useMemo } from "preact/hooks"
import type { ClientError } from "../data/Connection.ts"
import { Complaint, FormContext, messagesAt, Properties } from "./Field.tsx"
import { initial, isBroken, isObject, type Schema, shapeOf } from "./Shape.ts"

/** What the user has entered. */
export interface Draft {
  readonly values: Schema
  readonly isJson: boolean
  /** The JSON as it was typed; undefined: as the values are. */
  readonly text: string | undefined
}

/** The draft to begin with. */
export const draftOf = (schema: Schema, values?: Schema): Draft => {
  const first = values ?? initial(schema, schema)
  return { values: isObject(first) ? first : {}, isJson: false, text: undefined }
}

const NO_DETAILS: ClientError["details"] = []

const PATH = "parameters"

/** Why the draft can't be sent; undefined if it can. */
export const problemOf = ({ values, isJson, text }: Draft): string | undefined => {
  if (isJson && text !== undefined) return read(text).problem
  return isBroken(values) ? "A field is not JSON yet." : undefined
}

const read = (text: string): { readonly values?: Schema; readonly problem?: string } => {
  try {
    const values: unknown = JSON.parse(text)
    return isObject(values) ? { values } : { problem: "The parameters are an object: { … }." }
  } catch (error) {
    return { problem: `This is not JSON yet: ${(error as Error).message}` }
  }
}

export const ParametersForm = ({
  schema,
  draft,
  change,
  details = NO_DETAILS
}: {
  readonly schema: Schema
  readonly draft: Draft
  readonly change: (draft: Draft) => void
  /** What the server says of the last request. */
  readonly details?: ClientError["details"]
}): JSX.Element => {
  const id = useId()
  const { values, isJson, text } = draft
  const form = useMemo(() => ({ root: schema, details }), [schema, details])
  const shape = shapeOf(schema, schema)
  const fields = shape.kind === "group" ? shape.fields : []
  const problem = problemOf(draft)
  const unknown = details.filter(
    ({ path }) =>
      path === PATH ||
      (path.startsWith(`${PATH}.`) &&
        !fields.some(({ name }) => path === `${PATH}.${name}` || path.startsWith(`${PATH}.${name}.`)))
  )
  return (
    <FormContext.Provider value={form}>
      <fieldset class="chips">
        <legend class="hidden">How to enter the parameters</legend>
        <button
          type="button"
          class="chip"
          aria-pressed={!isJson}
          disabled={isJson && problem !== undefined}
          onClick={() => change({ values, isJson: false, text: undefined })}
        >
          Form
        </button>
        <button
          type="button"
          class="chip"
          aria-pressed={isJson}
          onClick={() => change({ values, isJson: true, text: undefined })}
        >
          JSON
        </button>
      </fieldset>
      {isJson ? (
        <div class="given">
          <label for={id}>Parameters as JSON</label>
          <textarea
            id={id}
            rows={12}
            spellcheck={false}
            aria-invalid={problem !== undefined || undefined}
            value={text ?? JSON.stringify(values, undefined, 2)}
            onInput={({ currentTarget: { value } }) =>
              change({ values: read(value).values ?? values, isJson: true, text: value })
            }
          />
          <Complaint messages={problem === undefined ? messagesIn(details) : [problem]} />
        </div>
      ) : (
        <>
          <Properties
            fields={fields}
            value={values}
            path={PATH}
            change={(next) => change({ values: next, isJson: false, text: undefined })}
          />
          {unknown.map(({ path, message }) => (
            <Complaint key={path} messages={[`${path}: ${message}`]} />
          ))}
        </>
      )}
    </FormContext.Provider>
  )
}

/** All messages about the parameters, with their paths. */
const messagesIn = (details: ClientError["details"]): ReadonlyArray<string> =>
  messagesAt(details, PATH).length === 0
    ? []
    : details.filter(({ path }) => path.startsWith(PATH)).map(({ path, message }) => `${path}: ${message}.`)
