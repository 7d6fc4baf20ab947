/** A modal dialog. The browser keeps the focus in it and closes it on Escape. */
import type { ComponentChildren, JSX } from "preact"
import { useEffect, useId, useRef } from "preact/hooks"

export const Dialog = ({
  title,
  close,
  children
}: {
  readonly title: string
  /** Called when the user closes it; without this it can't be closed. */
  readonly close?: () => void
  readonly children: ComponentChildren
}): JSX.Element => {
  const element = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    const dialog = element.current!
    dialog.showModal()
    return () => {
      // While it is open, nothing else can have the focus.
      dialog.close()
      before?.focus()
    }
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it, by the browser
    <dialog
      ref={element}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        close?.()
      }}
      onClose={() => {
        // A second Escape closes it whatever the page says.
        if (close === undefined) element.current?.showModal()
        else if (element.current !== null) close()
      }}
      onClick={(event) => {
        // A click on the backdrop is a click on the dialog itself.
        if (event.target === element.current) close?.()
      }}
    >
      <div class="dialog">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  )
}
