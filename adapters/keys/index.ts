/**
 * API keys and short-lived tokens: `Access.secured({ authenticators: [ApiKeys.make({ … })], tokens: Tokens.make() })`.
 * @module
 */
export * as ApiKeys from "./ApiKeys.ts"
export * as Tokens from "./Tokens.ts"
