/** The cost of the guard: requests per second with access control compared with open access, on Node. */
import { type Asked, percent, rates, server, serving } from "./wrk.ts"

export const access = (): Promise<void> =>
  serving<Readonly<Record<string, Asked>>>(["node", server("access.ts")], async (said) => {
    const asked = Object.entries(said).map(([name, { url, ...more }]) => [
      name,
      { ...more, url: `${url}/pipelines/graph/dag` }
    ])
    const { open, ...secured } = await rates(Object.fromEntries(asked) as Record<string, Asked>)
    console.log(`The guard on GET dag, on Node, against open access (${Math.round(open!)}/s)`)
    for (const [name, rate] of Object.entries(secured)) console.log(`  ${name.padEnd(15)} ${percent(rate, open!)}`)
  })

if (import.meta.main) await access()
