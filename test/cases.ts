/** How many cases of a property are tried: in Node all, in the other runtimes, which run the same code, a tenth. */
export const cases = (inNode: number): number =>
  process.env["TEST_RUNTIME"] === "node" ? inNode : Math.ceil(inNode / 10)
