/** Which tasks one may register a pipeline of: those that one may execute already. */
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { served } from "./Served.ts"

const all = ["read", "execute", "admin"] as const

/** A task without inputs. */
const task = (name: string) =>
  Task.make(name, { input: {}, output: { [name]: Schema.String }, run: () => ({ [name]: name }) })

const [pay, mail, wipe, spare] = ["pay", "mail", "wipe", "spare"].map(task)

const pipelines = [
  Pipeline.make("bank_pay", [pay!]),
  Pipeline.make("post_mail", [mail!]),
  Pipeline.make("bank_wipe", [wipe!])
]
const definition = (...tasks: ReadonlyArray<string>) => ({ json: { pipeline_type: "dataflow", tasks } })

test("an admin of one prefix registers no task of another", async () => {
  await using server = served(
    {
      mailer: { pipelines: ["post_*"], permissions: all },
      owner: { pipelines: ["*"], permissions: all }
    },
    { pipelines, tasks: [spare!] }
  )
  const stolen = await server.as("mailer", "POST", "/pipelines/post_theft", definition("pay"))
  expect([stolen.status, stolen.json.error]).toEqual([422, "UnknownTaskError"])
  expect((await server.as("owner", "GET", "/pipelines/post_theft")).status).toBe(404)
  // A task that is there and one that is not are told apart by nothing but the name that was asked for.
  const absent = await server.as("mailer", "POST", "/pipelines/post_theft", definition("nothing"))
  expect(stolen.json.message.replace("pay", "nothing")).toBe(absent.json.message)
  expect(absent.json.message).toContain("mail")
  for (const name of ["pay", "wipe", "spare"]) expect(absent.json.message).not.toContain(name)
  expect((await server.as("mailer", "POST", "/pipelines/post_twice", definition("mail"))).status).toBe(201)
  // Nor a task that no pipeline holds yet; whoever administers all may, and then others who may execute that pipeline.
  expect((await server.as("mailer", "POST", "/pipelines/post_spare", definition("spare"))).status).toBe(422)
  expect((await server.as("owner", "POST", "/pipelines/post_spare", definition("spare"))).status).toBe(201)
  expect((await server.as("mailer", "POST", "/pipelines/post_more", definition("spare", "mail"))).status).toBe(201)
})

test("whoever may read a pipeline's tasks and not execute them registers none of them", async () => {
  await using server = served(
    {
      half: { pipelines: ["*"], permissions: ["read"] },
      writer: { pipelines: ["post_*"], permissions: ["read", "admin"] }
    },
    { pipelines }
  )
  expect((await server.as("writer", "POST", "/pipelines/post_x", definition("mail"))).status).toBe(422)
  expect((await server.as("half", "POST", "/pipelines/post_x", definition("mail"))).status).toBe(403)
})

test("an ACL that leaves one out of a pipeline leaves one out of its tasks", async () => {
  await using server = served(
    { mailer: { pipelines: ["post_*"], permissions: all } },
    { pipelines, access: { acls: { post_mail: { read: ["mailer"], execute: ["others"] } } } }
  )
  expect((await server.as("mailer", "POST", "/pipelines/post_x", definition("mail"))).status).toBe(422)
})

const ids = pipelines.map(({ id }) => id)
const grant = fc.record({
  pipelines: fc.subarray(["bank_*", "post_*", "bank_pay", "bank_new", "post_new"], { minLength: 1 }),
  permissions: fc.subarray([...all], { minLength: 1 })
})

test("nobody executes through a registration what they may not execute", () =>
  fc.assert(
    fc.asyncProperty(
      grant,
      fc.constantFrom("bank_new", "post_new"),
      fc.subarray(["pay", "mail", "wipe"], { minLength: 1 }),
      async (granted, id, tasks) => {
        await using server = served({ one: granted }, { pipelines })
        const may = await Promise.all(
          ids.map(async (each) => (await server.as("one", "POST", `/pipelines/${each}/execute`, { json: {} })).status)
        )
        const executable = ids.flatMap((each, at) => (may[at] === 202 ? [each.split("_")[1]!] : []))
        const registered = await server.as("one", "POST", `/pipelines/${id}`, definition(...tasks))
        if (registered.status === 201) for (const each of tasks) expect(executable).toContain(each)
        else if (registered.status === 422) {
          for (const each of ["pay", "mail", "wipe"]) {
            if (!executable.includes(each) && each !== tasks.find((name) => !executable.includes(name)))
              expect(registered.json.message).not.toContain(each)
          }
        } else expect(registered.status).toBe(403)
      }
    ),
    { numRuns: 60 }
  ))
