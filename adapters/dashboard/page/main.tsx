/** Begins the page. */
import { render } from "preact"
import { App } from "./App.tsx"
import { startLive } from "./data/Live.ts"
import { theme } from "./data/Preferences.ts"

const showTheme = (): void => {
  const { dataset } = document.documentElement
  if (theme.value === "system") delete dataset["theme"]
  else dataset["theme"] = theme.value
}

showTheme()
theme.subscribe(showTheme)
startLive().then(() => render(<App />, document.getElementById("root")!))
