/** Arms of branches: whether two steps exclude each other, and whether at least one of several steps always runs. */
import type { Arm, ArmName } from "./Step.ts"

/** The arms that a step is in, outermost first. */
type Path = ReadonlyArray<Arm>

const NAMES: ReadonlyArray<ArmName> = ["yes", "no"]

/** Whether the two are in different arms of one branch, so that at most one of them runs. */
export const exclude = (one: Path, other: Path): boolean => {
  const depth = sharedDepth(one, other)
  return depth < one.length && depth < other.length && one[depth]!.branch === other[depth]!.branch
}

/** Whether at least one of the steps at `paths` runs whenever a step at `context` runs. */
export const cover = (paths: ReadonlyArray<Path>, context: Path): boolean => {
  const branches = new Set<string>()
  for (const path of paths) {
    const depth = sharedDepth(path, context)
    if (depth === path.length) return true
    // `context` is in no arm of this branch, so either arm may be taken: the paths must cover both.
    const { branch } = path[depth]!
    if (context[depth]?.branch !== branch) branches.add(branch)
  }
  for (const branch of branches) {
    if (NAMES.every((arm) => coversArm(paths, context, { branch, arm }))) return true
  }
  return false
}

const coversArm = (paths: ReadonlyArray<Path>, context: Path, arm: Arm): boolean => {
  const inside: Array<Path> = []
  for (const path of paths) {
    const depth = sharedDepth(path, context)
    if (depth < path.length && path[depth]!.branch === arm.branch && path[depth]!.arm === arm.arm) {
      inside.push(path.slice(depth))
    }
  }
  return cover(inside, [arm])
}

/** How many arms the two share, counted from the outermost. */
const sharedDepth = (one: Path, other: Path): number => {
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
