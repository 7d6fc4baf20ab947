/** Which steps can't both run because they are in different arms of one branch, and whether one of them always does. */
import type { Arm, ArmName } from "./Step.ts"

/** The arms that a step is in, outermost first. */
type Path = ReadonlyArray<Arm>

const NAMES: ReadonlyArray<ArmName> = ["yes", "no"]

/** Whether a branch takes one of the two and not the other. */
export const exclude = (one: Path, other: Path): boolean => {
  const depth = shared(one, other)
  return depth < one.length && depth < other.length && one[depth]!.branch === other[depth]!.branch
}

/** Whether, wherever `context` runs, one of the steps at `paths` runs too. */
export const cover = (paths: ReadonlyArray<Path>, context: Path): boolean => {
  const branches = new Set<string>()
  for (const path of paths) {
    const depth = shared(path, context)
    if (depth === path.length) return true
    // A branch that `context` is in no arm of: it may take either.
    const { branch } = path[depth]!
    if (context[depth]?.branch !== branch) branches.add(branch)
  }
  for (const branch of branches) {
    if (NAMES.every((arm) => covered(paths, context, { branch, arm }))) return true
  }
  return false
}

const covered = (paths: ReadonlyArray<Path>, context: Path, arm: Arm): boolean => {
  const inside: Array<Path> = []
  for (const path of paths) {
    const depth = shared(path, context)
    if (depth < path.length && path[depth]!.branch === arm.branch && path[depth]!.arm === arm.arm) {
      inside.push(path.slice(depth))
    }
  }
  return cover(inside, [arm])
}

/** How many arms the two are in together. */
const shared = (one: Path, other: Path): number => {
  let depth = 0
  while (
    depth < one.length &&
    depth < other.length &&
    one[depth]!.branch === other[depth]!.branch &&
    one[depth]!.arm === other[depth]!.arm
  )
    depth++
  return depth
}
