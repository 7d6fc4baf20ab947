/** `/status.html?pipeline=my_pipeline`: a React component that polls. */
import { createRoot } from "react-dom/client"
import { PipelineStatus } from "./PipelineStatus.jsx"

const pipelineId = new URLSearchParams(location.search).get("pipeline") ?? "my_pipeline"
createRoot(document.getElementById("root")).render(<PipelineStatus pipelineId={pipelineId} />)
