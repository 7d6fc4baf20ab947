/**
 * Every kind of credentials for a secured server, and the permissions that the configuration gives them, worked out
 * here by hand.
 */
import { createHmac } from "node:crypto"
import { JWT_SECRET, KEYS } from "../../fixtures/access.ts"
import type { Need, ObjectFactory, Row, Target } from "./Contract.ts"

type Permissions = ReadonlyArray<Need>

/** A client with certain credentials. */
export interface ClientKind {
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  /** Why it is refused: missing or invalid credentials (401), or an unknown key (403). */
  readonly refused?: "nothing" | "invalid" | "unknown"
  /** Its permissions for the pipeline of the matrix, and for any pipeline. */
  readonly here: Permissions
  readonly anywhere: Permissions
  /** Its permissions for the server as a whole. */
  readonly all: Permissions
  /** The run that a narrowed token is for, if it is not for the pipeline. */
  readonly run?: string
  readonly isNarrowed?: boolean
  /** Whether only an ACL keeps it from the pipeline: then the pipeline is hidden. */
  readonly isLeftOut?: boolean
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url")
const HASHES: Readonly<Record<string, string>> = { HS256: "sha256", HS512: "sha512" }

/** A signed token, valid or not. */
export const jwt = (payload: object, { alg = "HS256", secret = JWT_SECRET, typ = "JWT" } = {}): string => {
  const signed = `${encode({ alg, typ })}.${encode({ jti: "hush", ...payload })}`
  const hash = HASHES[alg]
  return `${signed}.${hash === undefined ? "" : createHmac(hash, secret).update(signed).digest("base64url")}`
}

const seconds = (from: number): number => Math.floor(Date.now() / 1_000) + from

/** The claims of a good token. */
export const claims = (role?: unknown): Readonly<Record<string, unknown>> => ({
  sub: "jo",
  exp: seconds(3_600),
  ...(role !== undefined && { role })
})

export const apiKey = (key: string): Readonly<Record<string, string>> => ({ "x-api-key": key })
export const bearer = (token: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${token}` })

const REFUSED = { here: [], anywhere: [], all: [] } as const
const NOTHING: ReadonlyArray<ClientKind> = [{ ...REFUSED, name: "nobody", headers: {}, refused: "nothing" }]

const good = jwt(claims("admin"))
const [head, payload, signature] = good.split(".") as [string, string, string]
const forged = encode({ ...claims("owner"), sub: "mallory" })

/** Invalid bearer tokens. */
const BAD_TOKENS: Readonly<Record<string, string>> = {
  "a JWT that has expired": jwt({ ...claims("admin"), exp: seconds(-60) }),
  "a JWT of the future": jwt({ ...claims("admin"), nbf: seconds(600) }),
  "a JWT of another algorithm": jwt(claims("admin"), { alg: "HS512" }),
  "a JWT of algorithm none": jwt(claims("admin"), { alg: "none" }),
  "a JWT of algorithm None": jwt(claims("admin"), { alg: "None" }),
  "a JWT signed with another secret": jwt(claims("admin"), { secret: `${JWT_SECRET}!` }),
  "a JWT without exp": jwt({ sub: "jo", role: "admin" }),
  "a JWT without sub": jwt({ exp: seconds(60), role: "admin" }),
  "a JWT whose exp is a text": jwt({ ...claims("admin"), exp: "never" }),
  "a JWT with other claims": `${head}.${forged}.${signature}`,
  "a JWT without its signature": `${head}.${payload}.`,
  "a JWT that is cut": good.slice(0, -3),
  "a JWT of rubbish": "e30.e30.e30",
  "a token that was never issued": `lvt_${"A".repeat(43)}`,
  "a token of no kind": "lvt_short",
  "an API key as a token": KEYS.owner
}

/** Headers with invalid credentials. */
const BAD_HEADERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "an empty key": apiKey(""),
  "a key of blanks": apiKey("   "),
  "Basic credentials": { authorization: `Basic ${Buffer.from(`owner:${KEYS.owner}`).toString("base64")}` },
  "an empty Authorization": { authorization: "" },
  "Bearer without a token": { authorization: "Bearer" },
  "two tokens in one header": { authorization: `Bearer ${good} ${good}` },
  "two tokens with a comma": { authorization: `Bearer ${good}, Bearer ${good}` },
  "a token without its scheme": { authorization: good },
  "a key and a token": { ...apiKey(KEYS.owner), ...bearer(good) },
  "a key and a bad token": { ...apiKey(KEYS.owner), ...bearer(jwt(claims("owner"), { secret: "x" })) },
  "a key and a token that was never issued": { ...apiKey(KEYS.owner), ...bearer(`lvt_${"B".repeat(43)}`) }
}

const UNKNOWN_KEYS: Readonly<Record<string, string>> = {
  "an unknown key": "hush-key-that-nobody-has",
  "a key that has expired": KEYS.expired,
  "a key with more text at the end": `${KEYS.owner}x`,
  "the beginning of a key": KEYS.owner.slice(0, -1),
  "a key in capitals": KEYS.owner.toUpperCase(),
  "two keys": `${KEYS.owner}, ${KEYS.owner}`,
  "a very long key": KEYS.owner.padEnd(8_000, "0"),
  "a name that every object inherits": "__proto__",
  "a token as a key": good,
  "a hash as a key": `sha256:${"0".repeat(64)}`
}

const R = ["read"] as const
const RX = ["read", "execute"] as const
const RXA = ["read", "execute", "admin"] as const

const LEFT_OUT = "a principal that the ACL leaves out"

/** The permissions of each: for the pipeline here, for any, and for the server. */
const KNOWN: ReadonlyArray<readonly [name: string, headers: ClientKind["headers"], ...ReadonlyArray<Permissions>]> = [
  ["the owner", apiKey(KEYS.owner), RXA, RXA, ["admin"]],
  ["a viewer", apiKey(KEYS.viewer), R, R],
  ["a runner", apiKey(KEYS.runner), RX, RX],
  ["an admin", apiKey(KEYS.admin), RXA, RXA],
  ["who only reads", apiKey(KEYS.reads), R, R],
  ["who only executes", apiKey(KEYS.executes), ["execute"], ["execute"]],
  ["who only administers", apiKey(KEYS.administers), ["admin"], ["admin"], ["admin"]],
  ["a glob that fits", apiKey(KEYS.glob), RXA, RXA],
  ["globs that do not fit", apiKey(KEYS.otherGlob), [], RXA],
  ["a key for another pipeline", apiKey(KEYS.other), [], RXA],
  ["a principal that the ACL names", apiKey(KEYS.named), RXA, RXA],
  [LEFT_OUT, apiKey(KEYS.excluded), [], RXA, ["admin"]],
  ["a JWT of a viewer", bearer(jwt(claims("viewer"))), R, R],
  ["a JWT of a runner", bearer(jwt(claims(["runner"]))), RX, RX],
  ["a JWT of an admin", { authorization: `bEARER  ${good}` }, RXA, RXA],
  ["a JWT of two roles", bearer(jwt(claims(["viewer", "admin", 7]))), RXA, RXA],
  ["a JWT of a role that only the ACL knows", bearer(jwt(claims("guest"))), R, R],
  ["a JWT of an unknown role", bearer(jwt(claims("principal:ApiKey:named"))), [], []],
  ["a JWT of the subject that the ACL names a key by", bearer(jwt({ ...claims(), sub: "named" })), [], []],
  ["a JWT of a subject that looks like a key", bearer(jwt({ ...claims(), sub: "ApiKey:named" })), [], []],
  ["a JWT without a role", bearer(jwt(claims())), [], []],
  ["a JWT whose role is not text", bearer(jwt(claims({ 0: "admin" }))), [], []],
  ["a key beside Basic credentials", { ...apiKey(KEYS.viewer), authorization: "Basic eDp5" }, R, R]
]

/** All kinds of clients; `maker` issues the narrowed tokens. */
export const clientKinds = async (
  maker: ObjectFactory,
  { pipeline, run }: Target
): Promise<ReadonlyArray<ClientKind>> => {
  const token = async (wish: object): Promise<string> =>
    (await maker.post("/tokens", { ...wish, expires_in: 600 }, 201)).token
  const invalid = Object.entries({
    ...Object.fromEntries(Object.entries(BAD_TOKENS).map(([name, text]) => [name, bearer(text)])),
    ...BAD_HEADERS
  })
  const narrowed = { here: R, anywhere: R, all: [], isNarrowed: true } as const
  return [
    ...NOTHING,
    ...invalid.map(([name, headers]): ClientKind => ({ ...REFUSED, name, headers, refused: "invalid" })),
    ...Object.entries(UNKNOWN_KEYS).map(
      ([name, key]): ClientKind => ({ ...REFUSED, name, headers: apiKey(key), refused: "unknown" })
    ),
    ...KNOWN.map(
      ([name, headers, here = [], anywhere = [], all = []]): ClientKind => ({
        ...{ name, headers, here, anywhere, all },
        isLeftOut: name === LEFT_OUT
      })
    ),
    { ...narrowed, name: "a token for the pipeline", headers: bearer(await token({ pipeline_id: pipeline })) },
    { ...narrowed, name: "a token for the run", headers: bearer(await token({ task_id: run })), run },
    {
      ...narrowed,
      name: "a token for another pipeline",
      headers: bearer(await token({ pipeline_id: "my_pipeline" })),
      here: []
    }
  ]
}

/** The expected status. */
export const expectedStatus = (row: Row, client: ClientKind): number => {
  const { need, over, success, isForPrincipals = false } = row
  const { refused, here, anywhere, all, run, isNarrowed = false } = client
  if (need === "none") return success
  if (refused !== undefined) return refused === "unknown" ? 403 : 401
  if (need === "any") return success
  if (!(over === "all" ? all : anywhere).includes(need) || (isForPrincipals && isNarrowed)) return 403
  if (over === "any" || over === "all") return success
  // A token for one run gives no access to the pipeline or its schedules.
  const seen = run === undefined || over === "run" ? here : []
  if (seen.includes(need)) return success
  if (over === "pipeline") return client.isLeftOut === true && row.creates !== "pipeline" ? 404 : 403
  // A caller that may not read the pipeline gets 404.
  return seen.includes("read") ? 403 : 404
}

/** All secret parts of the credentials. */
export const secretsOf = (clients: ReadonlyArray<ClientKind>): ReadonlyArray<string> => [
  "hush",
  JWT_SECRET,
  ...clients.flatMap(({ headers }) =>
    Object.values(headers)
      .flatMap((value) => value.split(/[ ,]+/))
      .filter((part) => part.length > 12)
      // Of a JWT, its payload and its signature as well.
      .flatMap((part) => [part, ...part.split(".").filter((piece) => piece.length > 20 && piece !== head)])
  )
]
