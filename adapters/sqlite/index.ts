/**
 * A Store in one SQLite file: runs outlive the process, with nothing to install.
 * @module
 */
export * as SqliteStore from "./SqliteStore.ts"
