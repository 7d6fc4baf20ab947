/** The failures of declaring a pipeline: its graph, its names, its options. */
import { cut, Failure, listed, shown } from "./Failure.ts"

/** A name is no string, is empty, too long or reserved, or contains control characters or unpaired surrogates. */
export class InvalidName extends Failure<"InvalidName"> {
  readonly invalidName: string
  constructor(what: string, name: unknown, why: string) {
    super("InvalidName", `Cannot use ${shown(name)} as ${what}: ${why}`)
    this.invalidName = typeof name === "string" ? name : shown(name)
  }
}

/** An option of a task, a step, a pipeline, a run or a schedule has an invalid value. `option` says which. */
export class InvalidOption extends Failure<"InvalidOption"> {
  readonly option: string
  /** The values that the option accepts, in words. */
  readonly expected: string
  /** `message` replaces the usual sentence, which quotes `received`: for a mistake that the value alone does not show, and for secrets. */
  constructor(
    option: string,
    received: unknown,
    expected: string,
    message = `Cannot use ${shown(received)} as ${option}: expected ${expected}`
  ) {
    super("InvalidOption", message)
    this.option = option
    this.expected = expected
  }
}

/** The pipeline has no steps. */
export class EmptyPipeline extends Failure<"EmptyPipeline"> {
  readonly pipelineId: string
  constructor(pipelineId: string) {
    super("EmptyPipeline", `Pipeline '${pipelineId}' has no tasks: give it at least one`)
    this.pipelineId = pipelineId
  }
}

/** Two steps have the same name. */
export class DuplicateStep extends Failure<"DuplicateStep"> {
  readonly pipelineId: string
  readonly step: string
  constructor(pipelineId: string, step: string) {
    super("DuplicateStep", `Pipeline '${pipelineId}' names step '${step}' twice: every step needs its own name`)
    this.pipelineId = pipelineId
    this.step = step
  }
}

/** Two steps produce the same value. */
export class DuplicateOutput extends Failure<"DuplicateOutput"> {
  readonly pipelineId: string
  readonly output: string
  readonly steps: readonly [string, string]
  constructor(pipelineId: string, output: string, steps: readonly [string, string]) {
    super(
      "DuplicateOutput",
      `Pipeline '${pipelineId}': output '${output}' is produced by both '${steps[0]}' and '${steps[1]}'; rename the output of one: Step.make(task, { outputs: { ${output}: "…" } })`
    )
    this.pipelineId = pipelineId
    this.output = output
    this.steps = steps
  }
}

/** A step takes its own output, so it would wait for itself. */
export class SelfDependency extends Failure<"SelfDependency"> {
  readonly pipelineId: string
  readonly step: string
  readonly key: string
  constructor(pipelineId: string, step: string, key: string) {
    super("SelfDependency", `Pipeline '${pipelineId}': step '${step}' takes its own output '${key}' as an input`)
    this.pipelineId = pipelineId
    this.step = step
    this.key = key
  }
}

/** Steps wait for each other; `path` starts and ends with the same step. */
export class CycleDetected extends Failure<"CycleDetected"> {
  readonly pipelineId: string
  readonly path: ReadonlyArray<string>
  constructor(pipelineId: string, path: ReadonlyArray<string>) {
    // The message shows only the two ends of a long cycle; `path` has all its steps.
    const shown = path.length > 12 ? [...path.slice(0, 6), `… ${path.length - 12} more …`, ...path.slice(-6)] : path
    super("CycleDetected", `Pipeline '${pipelineId}': the steps wait for each other: ${shown.join(" -> ")}`)
    this.pipelineId = pipelineId
    this.path = path
  }
}

/** No value can fit both the producer's and the consumer's type. */
export class TypeMismatch extends Failure<"TypeMismatch"> {
  readonly pipelineId: string
  readonly step: string
  readonly key: string
  constructor(pipelineId: string, step: string, key: string, expected: string, received: string) {
    super("TypeMismatch", `Pipeline '${pipelineId}': step '${step}' takes '${key}' as ${expected}, but ${received}`)
    this.pipelineId = pipelineId
    this.step = step
    this.key = key
  }
}

/** In a sequential pipeline, a step has not exactly one input for the value of the step before it. */
export class MissingProducer extends Failure<"MissingProducer"> {
  readonly pipelineId: string
  readonly step: string
  constructor(pipelineId: string, step: string, why: string) {
    super("MissingProducer", `Pipeline '${pipelineId}': step '${step}' ${why}`)
    this.pipelineId = pipelineId
    this.step = step
  }
}

/** The program does not offer the task, or offers it twice with different code. */
export class UnknownTask extends Failure<"UnknownTask"> {
  readonly pipelineId: string
  readonly task: string
  constructor(pipelineId: string, task: string, why: "unknown" | "ambiguous", offered: ReadonlyArray<string>) {
    super(
      "UnknownTask",
      why === "unknown"
        ? `There is no task '${cut(task)}' that you may use; you may use: ${listed(offered)}`
        : `Several tasks with different code have the name '${cut(task)}', so it is ambiguous`
    )
    this.pipelineId = pipelineId
    this.task = task
  }
}

/** Why a pipeline can't be built. */
export type PipelineError =
  | InvalidName
  | InvalidOption
  | EmptyPipeline
  | DuplicateStep
  | DuplicateOutput
  | SelfDependency
  | CycleDetected
  | TypeMismatch
  | MissingProducer
  | UnknownTask

/** The pipeline has too many nodes or edges for a picture. */
export class LayoutTooLarge extends Failure<"LayoutTooLarge"> {
  readonly pipelineId: string
  constructor(pipelineId: string, nodes: number, edges: number, maxNodes: number, maxEdges: number) {
    super(
      "LayoutTooLarge",
      `Pipeline '${pipelineId}' is too large for a picture: it has ${nodes} nodes and ${edges} edges, and a picture has at most ${maxNodes} nodes and ${maxEdges} edges. Put its steps into groups or nested pipelines, or use its DOT text`
    )
    this.pipelineId = pipelineId
  }
}
