/** Failures, empty places and waiting. */
import type { ComponentChildren, JSX } from "preact"
import { ClientError } from "../data/Connection.ts"
import type { Resource } from "../data/Resource.ts"
import { Icon } from "./Icon.tsx"

/** A failure: its name and message, and what the server says of each part of the request. */
export const Problem = ({ error, retry }: { readonly error: Error; readonly retry?: () => void }): JSX.Element => (
  <div class="problem" role="alert">
    <p>
      <Icon name="failed" /> <strong>{error instanceof ClientError ? error.error : "Error"}</strong>: {error.message}
    </p>
    {error instanceof ClientError && error.details.length > 0 && (
      <ul>
        {error.details.map(({ path, message }) => (
          <li key={`${path} ${message}`}>
            <code>{path}</code>: {message}
          </li>
        ))}
      </ul>
    )}
    {retry !== undefined && (
      <button type="button" onClick={retry}>
        Try again
      </button>
    )}
  </div>
)

/** An empty place, and what could fill it. */
export const Empty = ({ children }: { readonly children: ComponentChildren }): JSX.Element => (
  <div class="empty">{children}</div>
)

/** Says that something is being loaded; only after a moment, so that quick answers don't flicker. */
export const Loading = (): JSX.Element => (
  <p class="loading" role="status">
    Loading…
  </p>
)

/** A resource's answer, its failure, or that it is being loaded. With both an old answer and a failure, shows both. */
export const Loaded = <A,>({
  of,
  children
}: {
  readonly of: Resource<A>
  readonly children: (data: A) => ComponentChildren
}): JSX.Element => (
  <>
    {of.error !== undefined && <Problem error={of.error} retry={of.reload} />}
    {of.data !== undefined ? children(of.data) : of.error === undefined && <Loading />}
  </>
)
