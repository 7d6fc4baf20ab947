/** The parameters of a pipeline: as fields that are made from its JSON Schema, or as JSON. Both show the same values. */
import type { JSX } from "preact"
import { useId } from "preact/hooks"
import type { ClientError } from "../data/Connection.ts"
import { Complaint, FormContext, Properties } from "./Field.tsx"
import { initial, isBroken, isObject, type Schema, shapeOf } from "./Shape.ts"

/** What the user has entered. */
export interface Draft {
  readonly values: Schema
  readonly isJson: boolean
  /** The JSON as it was typed; undefined: as the values are. */
  readonly text?: string
  /** Why the JSON can't be sent. */
  readonly problem?: string | undefined
}

/** The draft to begin with. */
export const draftOf = (schema: Schema, values: unknown = initial(schema, schema)): Draft => ({
  values: isObject(values) ? values : {},
  isJson: false
})

/** Whether the draft can be sent. */
export const isReady = ({ values, problem }: Draft): boolean => problem === undefined && !isBroken(values)

const read = (text: string, { values }: Draft): Draft => {
  try {
    const read: unknown = JSON.parse(text)
    return isObject(read)
      ? { values: read, isJson: true, text }
      : { values, isJson: true, text, problem: "Parameters are an object: { … }" }
  } catch (error) {
    return { values, isJson: true, text, problem: `This is not JSON yet: ${(error as Error).message}` }
  }
}

export const ParametersForm = ({
  schema,
  draft,
  change,
  details
}: {
  readonly schema: Schema
  readonly draft: Draft
  readonly change: (draft: Draft) => void
  /** What the server says of the last request. */
  readonly details: ClientError["details"]
}): JSX.Element => {
  const id = useId()
  const { values, isJson, problem } = draft
  const shape = shapeOf(schema, schema)
  return (
    <FormContext.Provider value={{ root: schema, details }}>
      <fieldset class="chips">
        <legend class="hidden">How to enter the parameters</legend>
        {[false, true].map((json) => (
          <button
            key={json}
            type="button"
            class="chip"
            aria-pressed={isJson === json}
            disabled={problem !== undefined}
            onClick={() => change({ values, isJson: json })}
          >
            {json ? "JSON" : "Form"}
          </button>
        ))}
      </fieldset>
      {isJson ? (
        <div class="given">
          <label for={id}>Parameters as JSON</label>
          <textarea
            id={id}
            rows={12}
            spellcheck={false}
            aria-invalid={problem !== undefined || undefined}
            value={draft.text ?? JSON.stringify(values, undefined, 2)}
            onInput={(event) => change(read(event.currentTarget.value, draft))}
          />
          <Complaint messages={problem === undefined ? [] : [problem]} />
        </div>
      ) : (
        <Properties
          fields={shape.kind === "object" ? shape.fields : []}
          value={values}
          path="parameters"
          depth={0}
          change={(next) => change({ values: next, isJson })}
        />
      )}
    </FormContext.Provider>
  )
}
