/** Asks for an API key or a token. The view behind it stays as it is, so that nothing typed is lost. */
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { type Credentials, setCredentials } from "./data/Credentials.ts"
import { Dialog } from "./parts/Dialog.tsx"

export const Login = ({ reason }: { readonly reason: string }): JSX.Element => {
  const [kind, setKind] = useState<Credentials["kind"]>("key")
  const [secret, setSecret] = useState("")
  const [isKept, setKept] = useState(false)
  return (
    <Dialog title="Sign in">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (secret.trim() === "") return
          setCredentials({ kind, secret: secret.trim() }, isKept)
        }}
      >
        <p>{reason}</p>
        <fieldset class="choices">
          <legend>Credentials</legend>
          {(["key", "token"] as const).map((value) => (
            <label key={value}>
              <input type="radio" name="kind" checked={kind === value} onChange={() => setKind(value)} />
              {value === "key" ? "API key" : "Bearer token"}
            </label>
          ))}
        </fieldset>
        <label class="field">
          {kind === "key" ? "API key" : "Token"}
          <input
            type="password"
            autoComplete="off"
            spellcheck={false}
            value={secret}
            onInput={(event) => setSecret(event.currentTarget.value)}
            autoFocus
          />
        </label>
        <label>
          <input type="checkbox" checked={isKept} onChange={(event) => setKept(event.currentTarget.checked)} />
          Keep it when I reload this tab
        </label>
        <p class="faint">
          It stays in the memory of this tab; if ticked, in its session storage too, until the tab is closed.
        </p>
        <footer>
          <button type="submit" class="primary" disabled={secret.trim() === ""}>
            Sign in
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
