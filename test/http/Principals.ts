/** Everybody who comes to a secured server: what they show, and what the contract has for them. */
import { SignJWT } from "jose"
import { post, type Server } from "./Client.ts"
import { JWT_SECRET, keyOf, LISTED } from "./servers/Secured.ts"

/** What may be asked for. */
export type Permission = "read" | "execute" | "admin"

/** Somebody who is let in. */
export interface Known {
  readonly headers: Readonly<Record<string, string>>
  /** Whether they may do that with a pipeline; without one, whether with any at all; with `*`, with the whole server. */
  readonly may: (permission: Permission, pipelineId?: string, runId?: string) => boolean
}

/** Somebody who is not, and what they are answered. */
export interface Stranger {
  readonly headers: Readonly<Record<string, string>>
  readonly status: 401 | 403
}

const P = "my_pipeline"
const key = (name: string) => ({ "x-api-key": keyOf(name) })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const now = Math.floor(Date.now() / 1_000)

const signed = (
  claims: Readonly<Record<string, unknown>>,
  { secret = JWT_SECRET, alg = "HS256" }: { readonly secret?: string; readonly alg?: string } = {}
): Promise<string> => new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret))

const part = (json: object): string => Buffer.from(JSON.stringify(json)).toString("base64url")

/** Those who prove nothing. */
export const strangers = async (): Promise<Readonly<Record<string, Stranger>>> => {
  const claims = { sub: "mallory", role: "admin", exp: now + 3_600 }
  const good = await signed(claims)
  const [head, body, signature] = good.split(".") as [string, string, string]
  const tokens = {
    "an expired token": await signed({ ...claims, exp: now - 60 }),
    "a token without end": await signed({ sub: "mallory", role: "admin" }),
    "a token of nobody": await signed({ role: "admin", exp: now + 3_600 }),
    "a token that is not yet one": await signed({ ...claims, nbf: now + 3_600 }),
    "a token of another secret": await signed(claims, { secret: "another secret, of more than 32 bytes" }),
    "a token of another algorithm": await signed(claims, { secret: JWT_SECRET.repeat(2), alg: "HS512" }),
    "a token that is not signed": `${part({ alg: "none" })}.${body}.`,
    "a token that was changed": `${head}.${part({ ...claims, sub: "root" })}.${signature}`,
    "half a token": `${head}.${body}`,
    "no token": "garbage",
    "an unknown narrowed token": `lvt_${"A".repeat(43)}`
  }
  const by401 = (headers: Readonly<Record<string, string>>): Stranger => ({ headers, status: 401 })
  return {
    nobody: by401({}),
    "an empty key": by401({ "x-api-key": "" }),
    "a password": by401({ authorization: `Basic ${btoa("admin:admin")}` }),
    "an empty bearer": by401({ authorization: "Bearer " }),
    "two credentials": by401({ ...key("admin"), ...bearer(good) }),
    ...Object.fromEntries(Object.entries(tokens).map(([name, token]) => [name, by401(bearer(token))])),
    "an unknown key": { headers: { "x-api-key": "unknown" }, status: 403 },
    "a key that was one": { headers: key("expired"), status: 403 },
    "a key in another case": { headers: { "x-api-key": keyOf("admin").toUpperCase() }, status: 403 },
    "a key and more": { headers: { "x-api-key": `${keyOf("admin")}x` }, status: 403 },
    "a very long key": { headers: { "x-api-key": "k".repeat(5_000) }, status: 403 }
  }
}

/** Where an ACL names the roles: what it says of `role`, within what is granted. */
const listed = (role: string, id: string, permission: Permission): boolean =>
  permission === "read" && (role === "viewer" || id === "named")

/** Somebody with a grant. */
const granted =
  (role: string, permissions: ReadonlyArray<Permission>, fits: (id: string) => boolean): Known["may"] =>
  (permission, pipelineId) => {
    if (!permissions.includes(permission)) return false
    if (pipelineId === undefined) return true
    if (!fits(pipelineId)) return false
    return pipelineId !== LISTED || permission === "admin" || listed(role, "", permission)
  }

const ALL: ReadonlyArray<Permission> = ["read", "execute", "admin"]
const always = (): boolean => true

/** Those who are known. Tokens are given out by the server; `runId` is a run of the pipeline that they are for. */
export const known = async (server: Server, runId: string): Promise<Readonly<Record<string, Known>>> => {
  const token = (claims: object) => signed({ exp: now + 3_600, ...claims })
  const narrowed = async (body: object): Promise<string> => {
    const { status, json } = await post(server, "/tokens", body, key("admin"))
    if (status !== 201) throw new Error(`No token: ${JSON.stringify(json)}`)
    return json.token
  }
  const onlyListed =
    (role: string, id: string): Known["may"] =>
    (permission, pipelineId) =>
      permission === "read" && (pipelineId === undefined || pipelineId === LISTED) && listed(role, id, permission)
  const nobodys: Known["may"] = () => false
  return {
    "the admin's key": { headers: key("admin"), may: granted("admin", ALL, always) },
    "a reader's key": { headers: key("reader"), may: granted("viewer", ["read"], always) },
    "a runner's key": { headers: key("runner"), may: granted("runner", ["execute"], always) },
    "a keeper's key": { headers: key("keeper"), may: granted("keeper", ["admin"], always) },
    "a key for pipelines like this": {
      headers: key("globIn"),
      may: granted("team", ALL, (id) => id.startsWith("my_"))
    },
    "a key for other pipelines": {
      headers: key("globOut"),
      may: granted("team", ALL, (id) => id.startsWith("other_"))
    },
    "a key for no pipeline": { headers: key("nothing"), may: nobodys },
    "an admin's token": {
      headers: bearer(await token({ sub: "ada", role: "admin" })),
      may: granted("admin", ALL, always)
    },
    "a token of several roles": {
      headers: bearer(await token({ sub: "ada", role: ["none", "admin"] })),
      may: granted("admin", ALL, always)
    },
    "a viewer's token": {
      headers: bearer(await token({ sub: "vera", role: "viewer" })),
      may: onlyListed("viewer", "")
    },
    "a token that an ACL names": { headers: bearer(await token({ sub: "named" })), may: onlyListed("", "named") },
    "a token without a role": { headers: bearer(await token({ sub: "nick", role: 7 })), may: nobodys },
    "a token for the pipeline": {
      headers: bearer(await narrowed({ pipeline_id: P })),
      may: (permission, pipelineId) => permission === "read" && (pipelineId === undefined || pipelineId === P)
    },
    "a token for one run": {
      headers: bearer(await narrowed({ task_id: runId })),
      may: (permission, pipelineId, of) => permission === "read" && (pipelineId === undefined || of === runId)
    }
  }
}
