/** What the routes about pipelines take: its types, their Schemas, and the step to what Operations takes. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { PipelineDefinition } from "../../../core/registry/Registry.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { kind } from "../server/SchemaParts.ts"

/** What `POST /pipelines/{pipeline_id}` takes. */
export interface DefinitionJson {
  readonly pipeline_type: "dataflow" | "sequential"
  /** Names of tasks that the program offers. */
  readonly tasks: ReadonlyArray<string>
}

/** The Schema of a `DefinitionJson`. */
export const definition: Decoding.ObjectSchema<DefinitionJson> = Schema.Struct({
  pipeline_type: kind,
  tasks: Schema.Array(Schema.String).annotate({ expected: "an array of task names" })
}).annotate({ identifier: "Definition" })

const decode = Decoding.body(Decoding.exact(definition))

/** The definition of a pipeline to register. */
export const toDefinition = (id: string, body: unknown): Result.Result<PipelineDefinition, BadRequest> =>
  Result.map(decode(body), ({ pipeline_type, tasks }) => ({ id, kind: pipeline_type, tasks }))
