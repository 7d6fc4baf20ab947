/** The engine that lays out graphs by `@dagrejs/dagre`. */
import * as dagre from "@dagrejs/dagre"
import type { Engine } from "../../core/render/FlatGraph.ts"
import { engineOf } from "./DagreEngine.ts"

/** For `Layout.make(pipeline, Dagre.engine)`. A pipeline that dagre would take long for gets layers. */
export const engine: Engine = engineOf(dagre)
