/** Levada on Redis: any number of processes share what is there. */
export * as RedisStore from "./RedisStore.ts"
