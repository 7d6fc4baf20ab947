/** Runs the compiler with the project's settings. */
import { join } from "node:path"
import ts from "typescript"

const root = join(import.meta.dirname, "..")
const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile).config,
  ts.sys,
  root
)
const host = ts.createCompilerHost(options)
const read = new Map<string, ts.SourceFile | undefined>()

/** All errors of some files, as one program. Imported files are checked elsewhere, and read once. */
export const check = (files: ReadonlyArray<string>, more: ts.CompilerOptions = {}): ReadonlyArray<ts.Diagnostic> => {
  const program = ts.createProgram(
    files,
    { ...options, ...more },
    {
      ...host,
      getSourceFile: (name, ...rest) => {
        if (!read.has(name)) read.set(name, host.getSourceFile(name, ...rest))
        return read.get(name)
      }
    }
  )
  return files.flatMap((file) => {
    const source = program.getSourceFile(file)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
  })
}
