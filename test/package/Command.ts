import { execFile } from "node:child_process"
import { promisify } from "node:util"

const execute = promisify(execFile)

/** Runs a program to its end. Returns its stdout; rejects with all its output if it fails. */
export const run = async (cwd: string, program: string, ...args: ReadonlyArray<string>): Promise<string> => {
  try {
    const { stdout } = await execute(program, args, { cwd, env: { ...process.env, NO_COLOR: "1" }, maxBuffer: 1 << 26 })
    return stdout
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string }
    throw new Error(`${message}\n${stdout}\n${stderr}`)
  }
}
