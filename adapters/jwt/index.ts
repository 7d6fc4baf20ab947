/**
 * An authenticator for signed bearer tokens: `Access.secured({ authenticators: [JwtAuthenticator.make({ secret })] })`.
 * @module
 */
export * as JwtAuthenticator from "./JwtAuthenticator.ts"
