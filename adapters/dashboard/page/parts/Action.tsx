/** Acts of the user: sending them, with their progress and failure. */
import type { ComponentChildren, JSX } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { Dialog } from "./Dialog.tsx"
import { Problem } from "./Problem.tsx"

/** An act under way. */
export interface Act {
  readonly isBusy: boolean
  readonly error: Error | undefined
  readonly run: () => void
}

/** Runs `act` when told to, once at a time, and keeps its failure. */
export const useAct = (act: () => Promise<void>): Act => {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const isThere = useRef(true)
  useEffect(
    () => () => {
      isThere.current = false
    },
    []
  )
  return {
    isBusy,
    error,
    run: () => {
      if (isBusy) return
      setBusy(true)
      setError(undefined)
      act()
        .catch((failure: Error) => isThere.current && setError(failure))
        .finally(() => isThere.current && setBusy(false))
    }
  }
}

/** A button that acts at once, and shows its failure below itself. */
export const ActButton = ({
  act,
  children,
  label
}: {
  readonly act: () => Promise<void>
  readonly children: ComponentChildren
  readonly label?: string
}): JSX.Element => {
  const { isBusy, error, run } = useAct(act)
  return (
    <>
      <button type="button" onClick={run} disabled={isBusy} aria-label={label}>
        {children}
      </button>
      {error !== undefined && <Problem error={error} />}
    </>
  )
}

/** A dialog that asks before it acts. It stays open, with all that was typed, when the act fails. */
export const Confirm = ({
  title,
  verb,
  isDangerous = false,
  isReady = true,
  act,
  close,
  children
}: {
  readonly title: string
  /** What the button says: `Cancel the run`. */
  readonly verb: string
  readonly isDangerous?: boolean
  readonly isReady?: boolean
  /** Closes the dialog when it succeeds. */
  readonly act: () => Promise<void>
  readonly close: () => void
  readonly children?: ComponentChildren
}): JSX.Element => {
  const { isBusy, error, run } = useAct(async () => {
    await act()
    close()
  })
  return (
    <Dialog title={title} close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          run()
        }}
      >
        {children}
        {error !== undefined && <Problem error={error} />}
        <footer>
          <button type="button" onClick={close}>
            Close
          </button>
          <button type="submit" class={isDangerous ? "danger" : "primary"} disabled={isBusy || !isReady}>
            {isBusy ? "Sending…" : verb}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
