/** Resolves names in a model's source: to a declaration, through relative imports, or to an export of the library. */

import { type BindingElement, type Identifier, Node, type SourceFile } from "ts-morph";

/** The library as model files import it. */
const LIBRARY = "kiln-js";

/** How many aliases of a name are followed: a variable may be its own initialiser. */
const MOST_ALIASES = 8;

/** The node inside parentheses, type assertions and `!`. */
export function withoutWrapping(node: Node): Node {
  if (
    Node.isParenthesizedExpression(node) ||
    Node.isAsExpression(node) ||
    Node.isSatisfiesExpression(node) ||
    Node.isNonNullExpression(node)
  )
    return withoutWrapping(node.getExpression());
  return node;
}

/** The declaration of a name: a variable, parameter, function or class, also in files that are imported by path. */
export function declarationOf(name: Identifier): Node | undefined {
  const declared = localDeclaration(name);
  const exported = declared === undefined ? undefined : importedName(declared);
  if (exported === undefined) return declared;
  const file = importedFile(declared!);
  return file && exportedDeclaration(file, exported);
}

/** The declaration in the file itself; for an imported name, that is a part of the import. */
const localDeclaration = (name: Identifier): Node | undefined => name.getSymbol()?.getDeclarations()[0];

/** The exported name that a part of an import stands for, `*` for all of them. */
function importedName(node: Node): string | undefined {
  if (Node.isImportSpecifier(node)) return node.getName();
  if (Node.isNamespaceImport(node)) return "*";
  return Node.isImportClause(node) ? "default" : undefined;
}

const specifierOf = (node: Node): string | undefined =>
  node.getFirstAncestor(Node.isImportDeclaration)?.getModuleSpecifierValue();

function importedFile(node: Node): SourceFile | undefined {
  const specifier = specifierOf(node);
  return specifier === undefined ? undefined : relativeFile(node.getSourceFile(), specifier);
}

/** The file of a relative specifier, if it has been read. */
function relativeFile(from: SourceFile, specifier: string): SourceFile | undefined {
  const project = from.getProject();
  for (const path of relativePaths(from, specifier)) {
    const file = project.getSourceFile(path);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** The possible paths of a relative specifier: TypeScript writes `./x.js` for `x.ts`, too. */
export function relativePaths(from: SourceFile, specifier: string): readonly string[] {
  if (!/^\.\.?\//.test(specifier)) return [];
  const path = `${from.getDirectoryPath()}/${specifier}`;
  if (!/\.[mc]?[jt]s$/.test(path)) return [`${path}.ts`, `${path}.js`, `${path}/index.ts`];
  return [path, path.replace(/js$/, "ts")];
}

function exportedDeclaration(file: SourceFile, name: string): Node | undefined {
  if (name !== "default")
    return file.getClass(name) ?? file.getFunction(name) ?? file.getVariableDeclaration(name);
  const [declared] = file.getDefaultExportSymbol()?.getDeclarations() ?? [];
  if (!Node.isExportAssignment(declared)) return declared;
  const value = withoutWrapping(declared.getExpression());
  return Node.isIdentifier(value) ? localDeclaration(value) : value;
}

/**
 * The name of an expression in the library, such as `nn.Linear`, `F.relu` or `where`, under whatever names the file
 * imports it; `undefined` for everything else.
 */
export function kilnName(expression: Node, depth = 0): string | undefined {
  const node = withoutWrapping(expression);
  if (depth > MOST_ALIASES) return undefined;
  if (Node.isPropertyAccessExpression(node)) {
    const left = kilnName(node.getExpression(), depth);
    return left === undefined ? undefined : canonical(left, node.getName());
  }
  if (!Node.isIdentifier(node)) return undefined;
  const declared = localDeclaration(node);
  if (declared === undefined) return undefined;
  if (Node.isVariableDeclaration(declared)) return nameOfValue(declared.getInitializer(), depth + 1);
  if (Node.isBindingElement(declared)) return nameOfPart(declared, depth + 1);
  const name = importedName(declared);
  if (name === undefined || specifierOf(declared) !== LIBRARY) return undefined;
  return name === "*" ? "" : name;
}

/** `const Linear = nn.Linear` is another name for it, `const relu = new nn.ReLU()` is not. */
function nameOfValue(value: Node | undefined, depth: number): string | undefined {
  const isName = Node.isPropertyAccessExpression(value) || Node.isIdentifier(value);
  return isName ? kilnName(value, depth) : undefined;
}

/** `const { Linear } = nn`. */
function nameOfPart(part: BindingElement, depth: number): string | undefined {
  const whole = part.getFirstAncestor(Node.isVariableDeclaration)?.getInitializer();
  const left = nameOfValue(whole, depth);
  return left === undefined
    ? undefined
    : canonical(left, part.getPropertyNameNode()?.getText() ?? part.getName());
}

function canonical(left: string, name: string): string {
  const full = left === "" ? name : `${left}.${name}`;
  return full.replace(/^nn\.functional\b/, "F");
}
