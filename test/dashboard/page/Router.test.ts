/** Links of the dashboard: every name survives them, and broken ones lead somewhere. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { href, parse } from "../../../adapters/dashboard/page/Router.ts"
import { HOSTILE } from "../harness/DemoPipelines.ts"

/** Any text that encodes: no lone surrogates. */
const name = fc.oneof(fc.string({ unit: "binary", minLength: 1 }), fc.constantFrom(...Object.values(HOSTILE)))

describe("links", () => {
  it("give back their segments and their query", () => {
    fc.assert(
      fc.property(
        fc.array(name),
        fc.dictionary(
          name.filter((key) => key !== "__proto__"),
          name
        ),
        (segments, query) => {
          const link = href(segments, query)
          expect(parse(link)).toEqual({ segments, query })
          // What the browser makes of it when it is clicked.
          expect(parse(new URL(link, "http://127.0.0.1/dashboard").hash)).toEqual({ segments, query })
          expect(new URL(link, "http://127.0.0.1/dashboard").pathname).toBe("/dashboard")
        }
      )
    )
  })

  it("leave out undefined and empty values", () => {
    expect(href(["runs"], { status: "", step: undefined, tab: "log" })).toBe("#/runs?tab=log")
    expect(href(["runs"])).toBe("#/runs")
    expect(href([])).toBe("#/")
  })

  it("are read whatever they are", () => {
    fc.assert(fc.property(fc.string(), (hash) => void parse(hash)))
    expect(parse("#/runs/%E0%A4%A?step=%")).toEqual({ segments: ["runs", "%E0%A4%A"], query: { step: "%" } })
    expect(parse("")).toEqual({ segments: [], query: {} })
    expect(parse("#//runs//a//?a=1&a=2")).toEqual({ segments: ["runs", "a"], query: { a: "2" } })
    expect(parse("#/runs?error=a?b")).toEqual({ segments: ["runs"], query: { error: "a?b" } })
  })
})
