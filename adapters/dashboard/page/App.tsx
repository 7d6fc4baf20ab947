/** The frame of the page: navigation, settings, problems of the server, and the current view. */
import { Component, type ComponentChildren, type JSX } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { CallerContext, useMe } from "./data/Caller.ts"
import { outage, reloadAll, signInReason } from "./data/Connection.ts"
import { credentials, signOut } from "./data/Credentials.ts"
import { mode } from "./data/Live.ts"
import { theme, zone } from "./data/Preferences.ts"
import { useSignal } from "./data/Signal.ts"
import { Login } from "./Login.tsx"
import { Dialog } from "./parts/Dialog.tsx"
import { Icon } from "./parts/Icon.tsx"
import { KEY_LIST, useKeys } from "./parts/Keys.ts"
import { Problem } from "./parts/Problem.tsx"
import { zoneLabel } from "./parts/Time.tsx"
import { go, href, type Route, useRoute } from "./Router.ts"
import { VIEWS, type View, viewOf } from "./Views.tsx"

export const App = (): JSX.Element => {
  const route = useRoute()
  const caller = useMe()
  const reason = useSignal(signInReason)
  const [isHelping, setHelping] = useState(false)
  const view = viewOf(route)
  const shown = VIEWS.filter((one) => one.isFor?.(caller) !== false)
  useEffect(() => {
    document.title = `${view.titleOf(route)} · Levada`
  }, [view, route])
  const place = route.segments.join("/")
  const last = useRef(place)
  useEffect(() => {
    if (last.current === place) return
    last.current = place
    scrollTo(0, 0)
    // What had the focus, such as a row of the list, is gone.
    if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true })
  }, [place])
  useKeys({
    "?": () => setHelping(true),
    r: reloadAll,
    Escape: () => {
      if (route.segments.length > 1) go(href([route.segments[0]!]))
    },
    ...Object.fromEntries(shown.map(({ id }, at) => [String(at + 1), () => go(href([id]))]))
  })
  return (
    <CallerContext.Provider value={caller}>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <header class="bar">
        <a class="brand" href={href(["runs"])}>
          <Logo />
          Levada
        </a>
        <nav aria-label="Views">
          {shown.map(({ id, title }) => (
            <a key={id} href={href([id])} aria-current={view.id === id ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <Settings />
      </header>
      <Outage />
      <main id="main" tabIndex={-1}>
        <Guarded key={place}>
          <Shown view={view} route={route} />
        </Guarded>
      </main>
      {isHelping && <Help close={() => setHelping(false)} />}
      {reason !== undefined && <Login reason={reason} />}
    </CallerContext.Provider>
  )
}

const Shown = ({ view, route }: { readonly view: View; readonly route: Route }): JSX.Element => view.render(route)

/** Shows that a view failed, instead of nothing. */
class Guarded extends Component<{ readonly children: ComponentChildren }, { readonly error?: Error }> {
  static override getDerivedStateFromError = (error: Error): { readonly error: Error } => ({ error })
  override render(): ComponentChildren {
    return this.state.error === undefined ? this.props.children : <Problem error={this.state.error} />
  }
}

const Logo = (): JSX.Element => (
  <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
    <path d="M3 5h7c3 0 4 2 4 4.500S15 14 18 14h3M3 12h5c3 0 3 7 6 7h7" />
  </svg>
)

/** Says that the server does not answer. The page tries again by itself. */
const Outage = (): JSX.Element => {
  const reason = useSignal(outage)
  return (
    <div class="outage" role="status">
      {reason !== undefined && (
        <p>
          <Icon name="failed" /> {reason} What you see may be out of date. Trying again…
        </p>
      )}
    </div>
  )
}

const Settings = (): JSX.Element => {
  const zoneName = useSignal(zone)
  const themeName = useSignal(theme)
  const how = useSignal(mode)
  const reason = useSignal(outage)
  const held = useSignal(credentials)
  const isDark = themeName === "dark" || (themeName === "system" && matchMedia("(prefers-color-scheme: dark)").matches)
  return (
    <div class="settings">
      <span class={reason === undefined ? `live ${how}` : "live offline"} title={LIVE_TITLES[how]}>
        {reason !== undefined ? "Offline" : how === "live" ? "Live" : "Every 5 s"}
      </span>
      <button
        type="button"
        class="plain"
        title="Switch between local time and UTC"
        onClick={() => zone.set(zoneName === "utc" ? "local" : "utc")}
      >
        {zoneLabel(zoneName)}
      </button>
      <button
        type="button"
        class="plain"
        aria-label={isDark ? "Use the light theme" : "Use the dark theme"}
        title={isDark ? "Use the light theme" : "Use the dark theme"}
        onClick={() => theme.set(isDark ? "light" : "dark")}
      >
        <Icon name={isDark ? "sun" : "moon"} />
      </button>
      {held !== undefined && (
        <button type="button" class="plain" onClick={signOut}>
          Sign out
        </button>
      )}
    </div>
  )
}

const LIVE_TITLES = {
  live: "Changes appear as they happen",
  polling: "Live events are not available here; the page loads every 5 seconds"
}

const Help = ({ close }: { readonly close: () => void }): JSX.Element => (
  <Dialog title="Keys" close={close}>
    <dl class="keys">
      {KEY_LIST.map(([keys, what]) => (
        <div key={keys}>
          <dt>
            <kbd>{keys}</kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
    <footer>
      <button type="button" class="primary" onClick={close}>
        Close
      </button>
    </footer>
  </Dialog>
)
