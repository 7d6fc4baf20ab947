/** JSON Schemas (draft 2020-12) of a pipeline's parameters and result. */

import { type Field, type JsonSchema, jsonSchema } from "../../../core/json/Value.ts"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"

type Document = Pick<JsonSchema, "schema" | "definitions">

/** Stands for a Schema that has no JSON Schema; it accepts every value. */
const ANYTHING: Document = { schema: {}, definitions: {} }

/** The JSON Schema of a field's values. */
const documentOf = (field: Field): Document => jsonSchema(field) ?? ANYTHING

/** A JSON Schema together with the definitions that it refers to. */
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

/** The JSON Schema of a run's parameters. A parameter of several steps must match the Schemas of all of them. */
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

/** The JSON Schema of a run's result: its only value, or an object of several. */
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
