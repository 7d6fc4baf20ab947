/** What went wrong: the failed step, its message, its attempt and the errors behind it. */
import type { JSX } from "preact"
import { Icon } from "../parts/Icon.tsx"
import { href } from "../Router.ts"
import type { ErrorDetail, Outline } from "./Outline.ts"

/** An error and its causes, outermost first. */
const chainOf = (error: ErrorDetail): ReadonlyArray<ErrorDetail> => {
  const chain = [error]
  for (let next = error.cause; next !== undefined && chain.length < 10; next = next.cause) chain.push(next)
  // The failure of a task repeats its error, and the panel names the step already.
  return chain[1] !== undefined && error.message.endsWith(chain[1].message) ? chain.slice(1) : chain
}

/** Errors as a list, each with its name and message. */
export const ErrorChain = ({ error }: { readonly error: ErrorDetail }): JSX.Element => (
  <ol class="chain">
    {chainOf(error).map(({ error: name, message, item, stack }, at) => (
      <li key={at}>
        <p>
          {at > 0 && <span class="faint">caused by </span>}
          <strong>{name}</strong>
          {item !== undefined && <span class="faint"> of item {item}</span>}
        </p>
        <pre class="message">{message}</pre>
        {stack !== undefined && (
          <details>
            <summary>Stack</summary>
            <pre class="stack">{stack}</pre>
          </details>
        )}
      </li>
    ))}
  </ol>
)

export const FailurePanel = ({
  run,
  stepHref
}: {
  readonly run: Outline
  readonly stepHref: (step: string) => string
}): JSX.Element => {
  const error = run.error!
  const failed = run.steps.filter(({ status }) => status === "FAILED")
  const first = failed.find(({ name }) => name === error.step) ?? failed[0]
  const others = failed.filter((step) => step !== first)
  return (
    <section class="failure" aria-labelledby="failure-title">
      <h2 id="failure-title">
        <Icon name="failed" />
        {error.step === undefined ? (
          "The run failed"
        ) : (
          <span>
            Step{" "}
            <a href={stepHref(error.step)}>
              <bdi>{error.step}</bdi>
            </a>{" "}
            failed
            {first !== undefined && first.attempts > 1 && ` after ${first.attempts} attempts`}
          </span>
        )}
      </h2>
      <ErrorChain error={error} />
      <p class="links">
        {error.step !== undefined && (
          <>
            <a href={stepHref(error.step)}>Attempts of the step</a>
            <a href={href(["runs", run.task_id], { tab: "log", step: error.step })}>Log of the step</a>
            <a href={href(["runs"], { pipeline_id: run.pipeline_id, failed_step: error.step, status: "FAILED" })}>
              Runs that failed in this step
            </a>
          </>
        )}
      </p>
      {others.length > 0 && (
        <details>
          <summary>
            {others.length} more {others.length === 1 ? "step" : "steps"} failed
          </summary>
          <ul>
            {others.slice(0, 50).map((step) => (
              <li key={step.name}>
                <a href={stepHref(step.name)}>{step.name}</a>: {step.error?.message}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  )
}
