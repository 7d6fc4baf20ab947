/** The number of cases of a property: all of them on Node, a tenth on other runtimes, which run the same code. */
export const cases = (inNode: number): number =>
  process.env["TEST_RUNTIME"] === "node" ? inNode : Math.ceil(inNode / 10)
