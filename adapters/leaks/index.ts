/**
 * Attributes errors that tasks leak to their attempts: `Levada.layer({ … }).pipe(Layer.provide(Leaks.layer))`. `Levada.make`
 * provides this layer itself.
 * @module
 */
export * as Leaks from "./Leaks.ts"
