/** The values of a run. Only names and sizes are loaded with it; a value is loaded when it is opened. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { path, send } from "../data/Connection.ts"
import { useAct } from "../parts/Action.tsx"
import { bytesText } from "../parts/Bytes.ts"
import { Icon } from "../parts/Icon.tsx"
import { JsonText } from "../parts/JsonText.tsx"
import { Empty, Problem } from "../parts/Problem.tsx"
import { save } from "../parts/Save.ts"
import type { Outline, ValueOutline } from "./Outline.ts"

const KINDS: { readonly [Kind in ValueOutline["kind"]]: string } = {
  parameter: "Parameters",
  given: "Given outputs",
  output: "Outputs"
}

/** How many values a list shows at first. */
const SHOWN = 200

export const ValuePanel = ({ run }: { readonly run: Outline }): JSX.Element => {
  if (run.values.length === 0) {
    return (
      <Empty>
        <p>The run has no values yet.</p>
      </Empty>
    )
  }
  return (
    <section aria-label="Values">
      {(["parameter", "given", "output"] as const).map((kind) => {
        const values = run.values.filter((value) => value.kind === kind)
        return values.length === 0 ? null : <Values key={kind} title={KINDS[kind]} run={run} values={values} />
      })}
    </section>
  )
}

const Values = ({
  title,
  run,
  values
}: {
  readonly title: string
  readonly run: Outline
  readonly values: ReadonlyArray<ValueOutline>
}): JSX.Element => {
  const [limit, setLimit] = useState(SHOWN)
  return (
    <>
      <h2>{title}</h2>
      <ul class="values">
        {values.slice(0, limit).map((value) => (
          <Value key={value.name} runId={run.task_id} value={value} />
        ))}
      </ul>
      {values.length > limit && (
        <button type="button" onClick={() => setLimit(limit + SHOWN)}>
          Show {Math.min(SHOWN, values.length - limit)} more
        </button>
      )}
    </>
  )
}

/** One value: a line that opens. */
const Value = ({ runId, value }: { readonly runId: string; readonly value: ValueOutline }): JSX.Element => {
  const [text, setText] = useState<string>()
  const [isOpen, setOpen] = useState(false)
  const load = async (): Promise<string> => {
    const found = text ?? (await (await send(path`/runs/${runId}/values/${value.name}`)).text())
    setText(found)
    return found
  }
  const opening = useAct(async () => void (await load()))
  const saving = useAct(async () => save(`${value.name}.json`, await load()))
  return (
    <li>
      <div class="value">
        <button
          type="button"
          class="plain opener"
          aria-expanded={isOpen}
          onClick={() => {
            setOpen(!isOpen)
            if (!isOpen && text === undefined) opening.run()
          }}
        >
          <Icon name="chevron" />
          <bdi>{value.name}</bdi>
        </button>
        {value.step !== null && <span class="faint">from {value.step}</span>}
        <span class="number faint">{bytesText(value.bytes)}</span>
        <button type="button" class="plain" aria-label={`Download ${value.name}`} title="Download" onClick={saving.run}>
          <Icon name="download" />
        </button>
      </div>
      {isOpen && opening.isBusy && <p class="loading">Loading…</p>}
      {isOpen && opening.error !== undefined && <Problem error={opening.error} retry={opening.run} />}
      {saving.error !== undefined && <Problem error={saving.error} />}
      {isOpen && text !== undefined && <JsonText text={text} />}
    </li>
  )
}
