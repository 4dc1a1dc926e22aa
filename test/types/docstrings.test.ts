/**
 * Every public name says in an editor what it is: names, members and options without a docstring are listed, and there are none.
 * The names that are used most show how.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Members that mean the same in each class: what the class says of itself is said of them. */
const COMMON: ReadonlySet<string> = new Set(["forward", "toString", "extraRepr", "targetType"]);

const HIDDEN = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;

/** What most programs are made of. */
const USED_MOST = [
  ...[
    "Tensor",
    "tensor",
    "zeros",
    "randn",
    "autograd.noGrad",
    "compile",
    "compileTraining",
    "compileStep",
    "Program",
  ],
  ...["Trainer", "save", "load", "summary", "nn.Module", "nn.Parameter", "nn.Linear", "nn.Conv2d"],
  ...["nn.BatchNorm2d", "nn.Embedding", "nn.LSTM", "nn.Sequential", "nn.ModuleList", "nn.CrossEntropyLoss"],
  ...["nn.MSELoss", "F.crossEntropy", "optim.SGD", "optim.Adam", "optim.AdamW", "optim.lrScheduler.StepLR"],
  "data.DataLoader",
];

class PublicNames {
  readonly undocumented: string[] = [];
  /** Those whose docstring has a block of code. */
  readonly withExample = new Set<string>();
  count = 0;
  private readonly checker: ts.TypeChecker;
  private readonly seen = new Set<ts.Symbol>();

  constructor(checker: ts.TypeChecker) {
    this.checker = checker;
  }

  /** Takes in what a module exports, and what its classes, interfaces and namespaces have. */
  visit(symbol: ts.Symbol, path: string): void {
    const own = symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
    if (own.flags & ts.SymbolFlags.ValueModule) {
      for (const inner of this.checker.getExportsOfModule(own)) this.visit(inner, `${path}.${inner.name}`);
      return;
    }
    this.note(own, path);
    for (const declaration of own.declarations ?? []) {
      if (!ts.isClassDeclaration(declaration) && !ts.isInterfaceDeclaration(declaration)) continue;
      for (const member of this.checker.getPropertiesOfType(this.checker.getTypeAtLocation(declaration)))
        if (isOffered(member)) this.note(member, `${path}#${member.name}`);
    }
  }

  private note(symbol: ts.Symbol, path: string): void {
    if (this.seen.has(symbol)) return;
    this.seen.add(symbol);
    const isOurs = symbol.declarations?.some((declaration) => {
      const file = declaration.getSourceFile().fileName;
      return file.startsWith(ROOT) && !file.includes("node_modules");
    });
    if (!isOurs) return;
    this.count++;
    const documentation = ts.displayPartsToString(symbol.getDocumentationComment(this.checker));
    if (documentation.includes("```ts\n")) this.withExample.add(path);
    const isInternal = symbol.getJsDocTags(this.checker).some(({ name }) => name === "internal");
    if (!isInternal && documentation === "") this.undocumented.push(path);
  }
}

/** Whether an editor offers a member: none under a symbol, none that is hidden. */
const isOffered = (member: ts.Symbol): boolean =>
  /^[A-Za-z]\w*$/.test(member.name) &&
  !COMMON.has(member.name) &&
  member.declarations?.some((declaration) => (ts.getCombinedModifierFlags(declaration) & HIDDEN) === 0) ===
    true;

function publicNames(): PublicNames {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const program = ts.createProgram([join(ROOT, "src/index.ts")], options);
  const checker = program.getTypeChecker();
  const index = checker.getSymbolAtLocation(program.getSourceFile(join(ROOT, "src/index.ts"))!)!;
  const names = new PublicNames(checker);
  for (const symbol of checker.getExportsOfModule(index)) names.visit(symbol, symbol.name);
  return names;
}

describe("docstrings", { timeout: 300_000 }, () => {
  const names = publicNames();

  test("are there for every public name", () => {
    expect(names.undocumented).toEqual([]);
    expect(names.count).toBeGreaterThan(2000);
  });

  test("show examples of the names that are used most", () => {
    expect(USED_MOST.filter((name) => !names.withExample.has(name))).toEqual([]);
  });
});
