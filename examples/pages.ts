/** Two pages over the API: a React component that polls, and a graph by d3-graphviz. Run it: `npm run pages` */
import { Access, Levada } from "../adapters/promise/index.ts"
import { serve } from "./pages/serve.ts"
import { pipelines, untilStopped } from "./pipelines.ts"

const serving = await serve(Levada.make({ pipelines, access: Access.open }), {
  port: Number(process.env["PORT"] ?? 8000)
})
untilStopped(serving.close)
console.log(`${serving.url}/status.html?pipeline=my_pipeline\n${serving.url}/graph.html?pipeline=audio_analysis`)
