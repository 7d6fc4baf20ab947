/** What a pipeline takes and gives as JSON Schema, draft 2020-12. */

import { type Field, type JsonSchema, jsonSchema } from "../../../core/json/Value.ts"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"

type Document = Pick<JsonSchema, "schema" | "definitions">

/** A schema that has no JSON Schema is one that admits everything. */
const ANYTHING: Document = { schema: {}, definitions: {} }

/** What is kept of a field's values. */
const documentOf = (field: Field): Document => jsonSchema(field) ?? ANYTHING

/** One schema with the definitions that several use. */
const withDefinitions = (schema: object, documents: ReadonlyArray<Document>): object => {
  const definitions = Object.assign({}, ...documents.map((document) => document.definitions)) as object
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...schema,
    ...(Object.keys(definitions).length > 0 && { $defs: definitions })
  }
}

const record = (
  entries: ReadonlyArray<readonly [name: string, Document, isOptional: boolean]>,
  additionalProperties: boolean
): object =>
  withDefinitions(
    {
      type: "object",
      properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
      required: entries.flatMap(([name, , isOptional]) => (isOptional ? [] : [name])),
      additionalProperties
    },
    entries.map(([, document]) => document)
  )

/** The parameters of a run. One that several steps take has to please all of them. */
export const parametersSchema = (pipeline: Pipeline): object =>
  record(
    pipeline.parameters.map(({ name, optional, consumers }) => {
      const documents = [...new Map(consumers.map(({ field }) => [field.ast, field])).values()].map(documentOf)
      const [only, ...others] = documents
      const schema = others.length === 0 ? only!.schema : { allOf: documents.map((document) => document.schema) }
      return [
        name,
        { schema, definitions: Object.assign({}, ...documents.map((each) => each.definitions)) },
        optional
      ] as const
    }),
    false
  )

/** The result of a run: the schema of its one value, or of a record of several. */
export const resultSchema = (pipeline: Pipeline): object => {
  const { results } = pipeline
  const [only, ...others] = results
  if (only === undefined || others.length > 0) {
    return record(
      results.map(({ value, field, optional }) => [value, documentOf(field), optional] as const),
      true
    )
  }
  const document = documentOf(only.field)
  return withDefinitions(only.optional ? { anyOf: [document.schema, { type: "null" }] } : document.schema, [document])
}
