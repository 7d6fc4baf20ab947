/**
 * The TypeScript of a page as files that can be compiled and run. A block may use what an earlier block of its page declares;
 * a first line such as `// primes.ts` names its file.
 */
import ts from "typescript"
import { type Block, type Page, root } from "./Pages.ts"

/** One block as a file. */
export interface Program {
  /** Such as `block3.ts`. */
  readonly file: string
  readonly block: Block
  readonly source: string
  /** The files whose names it uses, in the order in which they run. */
  readonly needs: ReadonlyArray<string>
  /** What it prints by itself: the comment behind each `console.log(…)`. */
  readonly prints: ReadonlyArray<string>
}

/** What a program outside of this repository imports from the package, as it is in here. */
export const fromSources = (source: string): string =>
  source.replaceAll(
    /from "levada(?:\/(\w+))?"/g,
    (_, name = "promise") =>
      `from ${JSON.stringify(name === "core" ? `${root}/core/index.ts` : `${root}/adapters/${name}/index.ts`)}`
  )

const printedBy = (source: string): ReadonlyArray<string> =>
  [...source.matchAll(/^console\.log\(.*\) \/\/ (.*)$/gm)].map(([, line]) => line!)

type Declared = ts.Statement & { readonly name?: ts.Identifier }

/** The names that a file declares at its top, and whether each is only a type. */
const declaredBy = (file: ts.SourceFile): ReadonlyMap<string, boolean> => {
  const names = new Map<string, boolean>()
  const add = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) names.set(name.text, false)
    else for (const element of name.elements) if (ts.isBindingElement(element)) add(element.name)
  }
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) for (const { name } of statement.declarationList.declarations) add(name)
    const { name } = statement as Declared
    if (name === undefined) continue
    if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
      // A service and its key share a name: then it is a value too.
      if (!names.has(name.text)) names.set(name.text, true)
    } else if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) names.set(name.text, false)
  }
  return names
}

/** The names that it imports. */
const importedBy = (file: ts.SourceFile): ReadonlySet<string> => {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (
      (ts.isNamespaceImport(node) || ts.isImportSpecifier(node) || ts.isImportClause(node)) &&
      node.name !== undefined
    )
      names.add(node.name.text)
    ts.forEachChild(node, visit)
  }
  for (const statement of file.statements) if (ts.isImportDeclaration(statement)) visit(statement)
  return names
}

/** The names that it uses and binds nowhere itself, neither at its top nor inside. */
const usedBy = (file: ts.SourceFile): ReadonlySet<string> => {
  const names = new Set<string>()
  const bound = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const { parent } = node
      if (
        (ts.isParameter(parent) || ts.isBindingElement(parent) || ts.isVariableDeclaration(parent)) &&
        parent.name === node
      )
        bound.add(node.text)
      const isMember =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        (ts.isPropertyAssignment(parent) && parent.name === node) ||
        (ts.isPropertySignature(parent) && parent.name === node)
      if (!isMember) names.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  for (const statement of file.statements) if (!ts.isImportDeclaration(statement)) visit(statement)
  return new Set([...names].filter((name) => !bound.has(name)))
}

const parse = (text: string): ts.SourceFile => ts.createSourceFile("block.ts", text, ts.ScriptTarget.Latest, true)

/** What it declares, exported. */
const exported = (text: string): string => {
  const at = parse(text)
    .statements.filter(
      (statement) =>
        (ts.isVariableStatement(statement) || (statement as Declared).name !== undefined) &&
        !(
          ts.canHaveModifiers(statement) &&
          ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
        )
    )
    .map((statement) => statement.getStart())
  return at.reduceRight((source, place) => `${source.slice(0, place)}export ${source.slice(place)}`, text)
}

/** The TypeScript blocks of a page as files of one folder. */
export const programsOf = (page: Page): ReadonlyArray<Program> => {
  const owners = new Map<string, { readonly file: string; readonly isType: boolean }>()
  const programs = new Map<string, Program>()
  for (const [at, block] of page.blocks.filter(({ language }) => language === "ts").entries()) {
    const parsed = parse(block.text)
    const declared = declaredBy(parsed)
    const imported = importedBy(parsed)
    const file = /^\/\/ ([\w-]+\.ts)\b/.exec(block.text)?.[1] ?? `block${at + 1}.ts`
    const taken = [...usedBy(parsed)].filter((name) => owners.has(name) && !declared.has(name) && !imported.has(name))
    const imports = taken.map((name) => {
      const { file, isType } = owners.get(name)!
      return `import ${isType ? "type " : ""}{ ${name} } from "./${file}"\n`
    })
    // A comment that names the file stays where it is: at its top.
    const source = fromSources(`${imports.join("")}${exported(block.text)}`)
    const needs = new Set<string>()
    for (const name of taken) {
      const { file: owner, isType } = owners.get(name)!
      if (isType) continue
      for (const need of [...programs.get(owner)!.needs, owner]) needs.add(need)
    }
    for (const [name, isType] of declared) owners.set(name, { file, isType })
    programs.set(file, { file, block, source, needs: [...needs], prints: printedBy(block.text) })
  }
  return [...programs.values()]
}
