/**
 * Every type that a public signature mentions can be named by those who call it: in a field, a parameter, or a function of
 * their own.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const HIDDEN = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;

/** Nobody writes these: they are computed from what is given, say what a list or an axis is, or belong to the compiler. */
const NOT_WRITTEN: ReadonlySet<string> = new Set([
  ...[
    "Algorithm",
    "Backend",
    "Bins",
    "ChannelNormSettings",
    "DataFormat",
    "DetailOf",
    "Dims",
    "DynamicShapes",
  ],
  ...[
    "Fed",
    "Given",
    "GroupUpdate",
    "GroupedRules",
    "InputOption",
    "IntegerArray",
    "Keepdim",
    "Line",
    "MetricOf",
  ],
  ...[
    "Moded",
    "Named",
    "Nonlinearity",
    "OpenSize",
    "PerGroup",
    "Profile",
    "RangeArguments",
    "Rank",
    "RateAt",
  ],
  ...[
    "StepDetail",
    "TableParts",
    "Traceable",
    "TransposedLayerOptions",
    "TunedKernel",
    "UpdateRule",
    "Watch",
  ],
  ...["WholeNumbers", "WithIndices"],
]);

class Mentions {
  /** Types of ours that are mentioned and not exported, with the first place that mentions each. */
  readonly unnamed = new Map<ts.Symbol, string>();
  private readonly checker: ts.TypeChecker;
  private readonly exported = new Map<ts.Symbol, string>();

  constructor(checker: ts.TypeChecker) {
    this.checker = checker;
  }

  /** Takes in all that `module` exports under `path`, namespaces too. */
  take(module: ts.Symbol, path: string): void {
    for (const symbol of this.checker.getExportsOfModule(module)) {
      const own = this.resolved(symbol);
      if (own.flags & ts.SymbolFlags.ValueModule) this.take(own, `${path}${symbol.name}.`);
      else if (!this.exported.has(own)) this.exported.set(own, `${path}${symbol.name}`);
    }
  }

  /** Looks at the signatures of all that was taken in. */
  look(): void {
    for (const [symbol, path] of this.exported)
      for (const declaration of symbol.declarations ?? []) this.signature(declaration, path);
  }

  private resolved(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
  }

  /** Visits what a declaration says to its users: no bodies, no initialisers, no hidden members. */
  private signature(node: ts.Node, path: string): void {
    if (ts.isBlock(node) || ts.isSourceFile(node) || isHidden(node)) return;
    if (ts.isExpressionWithTypeArguments(node)) {
      for (const argument of node.typeArguments ?? []) this.signature(argument, path);
      return;
    }
    if (ts.isTypeReferenceNode(node)) this.mention(node.typeName, path);
    ts.forEachChild(node, (child) => {
      if (!ts.isExpression(child) || ts.isExpressionWithTypeArguments(child)) this.signature(child, path);
    });
  }

  private mention(name: ts.EntityName, path: string): void {
    const symbol = this.checker.getSymbolAtLocation(name);
    if (symbol === undefined) return;
    const own = this.resolved(symbol);
    const isParameter = (own.flags & ts.SymbolFlags.TypeParameter) !== 0;
    if (isParameter || this.exported.has(own) || this.unnamed.has(own)) return;
    if (own.declarations?.some(isOurs) === true) this.unnamed.set(own, path);
  }
}

/** Whether a file of ours hands a type out: others are what its signatures are put together from. */
function isOurs(declaration: ts.Declaration): boolean {
  const file = declaration.getSourceFile().fileName;
  const isExported = (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) !== 0;
  return isExported && file.startsWith(ROOT) && !file.includes("node_modules");
}

function isHidden(node: ts.Node): boolean {
  if (ts.getJSDocTags(node).some(({ tagName }) => tagName.text === "internal")) return true;
  if (ts.isClassElement(node) && (ts.getCombinedModifierFlags(node) & HIDDEN) !== 0) return true;
  return ts.isClassElement(node) && node.name !== undefined && !ts.isIdentifier(node.name);
}

test("every type in a public signature is exported", { timeout: 300_000 }, () => {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const program = ts.createProgram([join(ROOT, "src/index.ts")], options);
  const checker = program.getTypeChecker();
  const mentions = new Mentions(checker);
  mentions.take(checker.getSymbolAtLocation(program.getSourceFile(join(ROOT, "src/index.ts"))!)!, "");
  mentions.look();
  const unnamed = [...mentions.unnamed].filter(([{ name }]) => !NOT_WRITTEN.has(name));
  expect(unnamed.map(([{ name }, path]) => `${name} (${path})`).sort()).toEqual([]);
});
