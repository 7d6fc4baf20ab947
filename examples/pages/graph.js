/** `/graph.html?pipeline=audio_analysis`: the graph of a pipeline, drawn from DOT by d3-graphviz. */
import * as d3 from "d3-selection"
import "d3-graphviz"

const pipelineId = new URLSearchParams(location.search).get("pipeline") ?? "audio_analysis"
const response = await fetch(`/pipelines/${encodeURIComponent(pipelineId)}/dag/dot`)
if (response.ok) {
  d3.select("#root")
    .graphviz()
    .renderDot(await response.text())
} else {
  d3.select("#root").text((await response.json()).message)
}
