/** Levada on Redis: any number of processes share one Store. */
export * as RedisDoctor from "./RedisDoctor.ts"
export * as RedisStore from "./RedisStore.ts"
