/** The dashboard. */
import { render } from "preact"

render(<p>Levada</p>, document.getElementById("root")!)
