/** Names that have a meaning in some language of pictures. Every one is a valid name of a step. */
import * as fc from "fast-check"
import * as NameRules from "../../../core/values/Name.ts"

const ALL = [
  "end",
  "END",
  "graph",
  "subgraph",
  "click",
  "style",
  "class",
  "default",
  "%%",
  "%%{init: {}}%%",
  "---",
  "-->",
  "n0",
  "n0[x]",
  '"',
  "'",
  "`",
  "`**a**`",
  "**bold**",
  "1. one",
  "- item",
  "# title",
  "#35;",
  "&lt;",
  "&",
  "]]>",
  "<!--",
  "</svg>",
  "</title><script>alert(1)</script>",
  "<b>x</b>",
  "<br>",
  "{{x}}",
  "[[x]]",
  "((x))",
  "a|b|c",
  "a;b",
  "a:::b",
  "\\n",
  "\\",
  "$$x^2$$",
  "fa:fa-car",
  "https://example.com",
  "javascript:alert(1)",
  "שלום",
  "مرحبا (1)",
  "a\u202eb",
  "\u2066x",
  "日本語の名前",
  "👩‍👩‍👧‍👦",
  "🎧",
  "e\u0301",
  "\u200b",
  "\ufeff",
  "\ufffe",
  "\uffff",
  "\u2028",
  "a\u00a0b",
  "constructor",
  "__proto__",
  "0",
  "x".repeat(200)
]

/** Those of them that are valid. */
export const NASTY: ReadonlyArray<string> = ALL.filter((name) => NameRules.isName(name))

/** A valid name. */
export const Name: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom(...NASTY),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
    fc.string({
      unit: fc.constantFrom('"', "#", ";", "&", "<", "]", "`", "*", "%", " ", "a", "1"),
      minLength: 1,
      maxLength: 8
    })
  )
  .filter((name) => NameRules.isName(name))
