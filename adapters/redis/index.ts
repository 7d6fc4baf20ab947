/** Levada on Redis: any number of processes share what is there. */
export * as RedisDoctor from "./RedisDoctor.ts"
export * as RedisStore from "./RedisStore.ts"
