/**
 * Lays graphs out by `@dagrejs/dagre`, which draws fewer crossing edges than Levada's own layers.
 *
 * @module
 */
export * as Dagre from "./Dagre.ts"
