/**
 * What tasks leak is charged to their attempts: `Levada.layer({ … }).pipe(Layer.provide(Leaks.layer))`. `Levada.make` does so
 * by itself.
 * @module
 */
export * as Leaks from "./Leaks.ts"
