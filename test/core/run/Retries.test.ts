/** A retry gives what a fresh run would give, whatever happened in the run before it. */
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { Pipeline, Step, Task } from "../../../adapters/promise/index.ts"
import { over, sharing } from "../harness/Restarting.ts"

const N = Schema.Number
const S = Schema.String
const optional = Schema.optionalKey

describe("a retry", () => {
  it("joins steps by name: after a restart, the tasks may be listed in another order", async () => {
    let isOpen = false
    const calls: Array<string> = []
    const named = <const Name extends string>(name: Name) =>
      Task.make(name, {
        input: { order: S },
        output: { [name]: S } as { readonly [K in Name]: typeof S },
        run: ({ order }) => {
          calls.push(name)
          if (name === "pack" && !isOpen) throw new Error("closed")
          return { [name]: `${name} ${order}` } as never
        }
      })
    const [charge, pack, ship] = [named("charge"), named("pack"), named("ship")]
    const first = Pipeline.make("shop", [charge, pack, ship], { onFailure: "fail-fast" })
    const second = Pipeline.make("shop", [ship, pack, charge], { onFailure: "fail-fast" })
    expect(second.version).toBe(first.version)
    await sharing(async (serve) => {
      const before = serve(first)
      const failed = await over(before, await before.start(first, { order: "7" }))
      await before.close()
      expect(failed.status).toBe("FAILED")
      expect(calls.splice(0)).toEqual(["charge", "pack", "ship"])
      isOpen = true
      const after = serve(second)
      const again = await over(after, await after.retry(failed.id))
      const kept = new Set(failed.steps.flatMap(({ name, status }) => (status === "COMPLETED" ? [name] : [])))
      expect(kept.has("charge")).toBe(true)
      expect(calls.sort()).toEqual(["charge", "pack", "ship"].filter((name) => !kept.has(name)))
      expect(again).toMatchObject({
        status: "COMPLETED",
        outputs: { charge: '"charge 7"', pack: '"pack 7"', ship: '"ship 7"' }
      })
      await after.close()
    })
  })

  it("runs again what was worked out without a value that is there now, and nothing else", async () => {
    let isOpen = false
    const calls: Array<string> = []
    const called = <A>(name: string, value: A): A => {
      calls.push(name)
      return value
    }
    const rate = Task.make("rate", {
      output: { rate: N },
      run: () => {
        if (!isOpen) throw new Error("no service")
        return called("rate", { rate: 2 })
      }
    })
    const price = Task.make("price", {
      input: { rate: optional(N) },
      output: { price: N },
      run: ({ rate = 1 }) => called("price", { price: 10 * rate })
    })
    const shown = Task.make("shown", {
      input: { price: N },
      output: { shown: S },
      run: ({ price }) => called("shown", { shown: `${price}` })
    })
    const tax = Task.make("tax", { output: { tax: N }, run: () => called("tax", { tax: 3 }) })
    const pipeline = Pipeline.make("shop", [rate, price, shown, tax], { onFailure: "skip" })
    await sharing(async (serve) => {
      const levada = serve(pipeline)
      const first = await over(levada, await levada.start(pipeline, {}))
      expect(first).toMatchObject({ status: "COMPLETED", outputs: { price: "10", shown: '"10"' } })
      isOpen = true
      calls.length = 0
      const retry = await over(levada, await levada.retry(first.id))
      expect(calls).toEqual(["rate", "price", "shown"])
      const fresh = await over(levada, await levada.start(pipeline, {}))
      expect(retry.outputs).toEqual(fresh.outputs)
      await levada.close()
    })
  })

  it("decides a branch anew when what it was decided by is there now, also in the retry of a retry", async () => {
    let isOpen = false
    let isLast = false
    const grade = Task.make("grade", {
      output: { grade: N },
      run: () => {
        if (!isOpen) throw new Error("not yet")
        return { grade: isLast ? 1 : 9 }
      }
    })
    const isGood = Task.make("isGood", {
      input: { grade: optional(N) },
      output: { good: Schema.Boolean },
      run: ({ grade = 0 }) => ({ good: grade > 5 })
    })
    const praise = Task.make("praise", { output: { praise: S }, run: () => ({ praise: "well done" }) })
    const advise = Task.make("advise", { output: { advice: S }, run: () => ({ advice: "again" }) })
    const letter = Task.make("letter", {
      input: { praise: optional(S), advice: optional(S) },
      output: { letter: S },
      run: ({ praise = "-", advice = "-" }) => ({ letter: `${praise} ${advice}` })
    })
    const pipeline = Pipeline.make("school", [grade, Step.branch(isGood, { yes: [praise], no: [advise] }), letter], {
      onFailure: "skip"
    })
    await sharing(async (serve) => {
      const levada = serve(pipeline)
      const first = await over(levada, await levada.start(pipeline, {}))
      expect(first.outputs["letter"]).toBe('"- again"')
      isOpen = true
      const second = await over(levada, await levada.retry(first.id))
      expect(second.outputs).toEqual({ grade: "9", praise: '"well done"', letter: '"well done -"' })
      isLast = true
      const kept = await over(levada, await levada.retry(second.id, ["letter"]))
      expect(kept.outputs).toEqual(second.outputs)
      const third = await over(levada, await levada.retry(kept.id, ["grade"]))
      expect(third.outputs).toEqual({ grade: "1", advice: '"again"', letter: '"- again"' })
      await levada.close()
    })
  })
})
