/** The direction of imports that keeps the layers apart, read from the sources with ts-morph, and what every file looks like. */

import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Node, Project, type SourceFile, SyntaxKind } from "ts-morph";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const COMPILER = ["src", "passes", "backends"];

const project = new Project({ skipAddingFilesFromTsConfig: true, skipFileDependencyResolution: true });
project.addSourceFilesAtPaths([...COMPILER, "test", "examples"].map((folder) => `${ROOT}/${folder}/**/*.ts`));

interface Import {
  readonly from: string;
  /** A path of this repository, or the specifier of a package. */
  readonly to: string;
  readonly isPackage: boolean;
  /** Erased by the compiler: `import type`, `export type` or a type query. */
  readonly isType: boolean;
}

const pathOf = (file: SourceFile): string => relative(ROOT, file.getFilePath());

/** Everything a file imports, re-exports, imports dynamically or names with `import("…")` as a type. */
function importsOf(file: SourceFile): Import[] {
  const from = pathOf(file);
  const found = (specifier: string, isType: boolean): Import => {
    const isPackage = !specifier.startsWith(".");
    return { from, to: isPackage ? specifier : join(dirname(from), specifier), isPackage, isType };
  };
  const declared = [...file.getImportDeclarations(), ...file.getExportDeclarations()].flatMap((d) => {
    const specifier = d.getModuleSpecifierValue();
    return specifier === undefined ? [] : [found(specifier, d.isTypeOnly())];
  });
  const types = file.getDescendantsOfKind(SyntaxKind.ImportType).map((node) => {
    const argument = node.getArgument();
    const literal = Node.isLiteralTypeNode(argument) ? argument.getLiteral() : undefined;
    return found(Node.isStringLiteral(literal) ? literal.getLiteralValue() : "?", true);
  });
  const dynamic = file
    .getDescendantsOfKind(SyntaxKind.CallExpression)
    .filter((call) => call.getExpression().getKind() === SyntaxKind.ImportKeyword)
    .flatMap((call) => {
      const [argument] = call.getArguments();
      return Node.isStringLiteral(argument) ? [found(argument.getLiteralValue(), false)] : [];
    });
  return [...declared, ...types, ...dynamic];
}

const FILES = project.getSourceFiles();
const compilerFiles = FILES.filter((file) => COMPILER.includes(pathOf(file).split("/")[0]));
const IMPORTS = compilerFiles.flatMap(importsOf);

/** The layer of a file: its folder below `src`, a file of `src` itself, or `passes` and `backends` as a whole. */
function layerOf(path: string): string {
  const [top, second, ...rest] = path.split("/");
  if (path === "backends/backend.ts") return "contract";
  if (top !== "src") return top;
  return rest.length === 0 ? `src/${second}` : second;
}

/**
 * What each layer may import besides itself. `core ← loop ← ir ← ops ← tensor ← trace ← nn ← optim`: tensors do
 * not know who records them (trace sees tensor, never the other way), modules ask trace for the user's line,
 * optimizers know parameters, and data stands on tensors alone.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  // Reads and writes whole files, and says why one cannot be; whatever has files stands on it.
  files: ["core"],
  loop: ["core"],
  ir: ["core", "loop"],
  ops: ["core", "loop", "ir"],
  tensor: ["core", "loop", "ir", "ops"],
  trace: ["core", "loop", "ir", "ops", "tensor"],
  nn: ["core", "loop", "ir", "ops", "tensor", "trace"],
  optim: ["core", "loop", "ir", "ops", "tensor", "trace", "nn"],
  data: ["core", "files", "loop", "ir", "ops", "tensor"],
  // Reads sources with ts-morph; only the command line loads it.
  check: ["core"],
  // Event files show models as graphs, and so need the tracer; nothing else knows of them.
  summary: ["core", "files", "ir", "tensor", "trace"],
  contract: ["core", "loop"],
  passes: ["core", "loop", "ir", "ops"],
  backends: ["core", "loop", "contract"],
  // Programs run plans on whatever backend they are given: they know the contract and no backend.
  runtime: ["core", "files", "loop", "ir", "tensor", "trace", "contract"],
  // Runs what scheduling offers on a backend it is given, and keeps what it finds as the runtime keeps files.
  tuning: ["core", "files", "loop", "contract", "runtime"],
  // Pictures, comparisons and data of what was compiled: it runs nothing.
  inspect: ["core", "loop", "ir", "runtime"],
  // The explorer's page, of what was compiled and measured; what runs in the page sees no more than the rest.
  explore: ["core", "loop", "ir", "runtime", "inspect"],
  // The driver alone sees passes and backends; compile.ts is what of it users call.
  driver: ["core", "loop", "ir", "tensor", "trace", "runtime", "tuning", "passes", "backends", "contract"],
  "src/compile.ts": ["tensor", "trace", "runtime", "passes", "backends", "contract", "driver"],
  // Says what a model is made of and what it takes: traces it, and has the passes plan its programs.
  overview: [
    ...["core", "ir", "ops", "tensor", "trace", "runtime", "passes", "backends", "contract", "driver"],
  ],
  // Compiles a model for several backends, with states and optimizers of its own, and measures what the driver makes.
  compare: [
    ...["core", "loop", "ir", "tensor", "trace", "nn", "optim", "inspect", "runtime", "tuning", "contract"],
    ...["driver", "src/compile.ts"],
  ],
  "src/index.ts": [
    ...["core", "tensor", "trace", "nn", "optim", "data", "summary", "runtime", "compare", "overview"],
    "src/compile.ts",
  ],
  // Models in ONNX's files, as modules: operators are made of tensors' functions, which whoever traces the module records.
  // What is written is a traced graph, op by op, or as the lowering of an op says it in expressions.
  onnx: ["core", "files", "loop", "ir", "ops", "tensor", "trace", "nn", "runtime", "driver"],
  // Parts of the public API under names of their own.
  entries: ["nn", "optim", "data", "onnx", "src/compile.ts"],
};

/** Layers at the top, which see everything. */
const EVERYTHING = ["cli", "aot"];

const show = (i: Import): string => `${i.from} -> ${i.to}`;

describe("direction of imports", () => {
  const inner = IMPORTS.filter((i) => !i.isPackage);

  test("reads a fair number of files and imports", () => {
    // Guards the test itself: a wrong path would find nothing, and nothing breaks no rule.
    expect(compilerFiles.length).toBeGreaterThan(70);
    expect(inner.length).toBeGreaterThan(250);
  });

  test("every layer is one the rule knows", () => {
    const known = new Set([...Object.keys(MAY_IMPORT), ...EVERYTHING]);
    const unknown = compilerFiles.map((f) => layerOf(pathOf(f))).filter((layer) => !known.has(layer));
    expect([...new Set(unknown)]).toEqual([]);
  });

  test.each(Object.entries(MAY_IMPORT))("%s sees only the layers below it", (layer, allowed) => {
    const wrong = inner.filter((i) => {
      const target = layerOf(i.to);
      return layerOf(i.from) === layer && target !== layer && !allowed.includes(target);
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test("only the driver and the command line see both passes and backends", () => {
    const both = compilerFiles.map(pathOf).filter((path) => {
      const targets = inner.filter((i) => i.from === path).map((i) => layerOf(i.to));
      return targets.includes("passes") && targets.includes("backends");
    });
    const mayBoth = (path: string): boolean =>
      path === "src/compile.ts" || ["driver", "cli"].includes(layerOf(path));
    expect(both.filter((path) => !mayBoth(path))).toEqual([]);
    expect(both).toContain("src/compile.ts");
  });

  test("nothing but the command line and tests imports the command line", () => {
    expect(inner.filter((i) => layerOf(i.to) === "cli" && layerOf(i.from) !== "cli").map(show)).toEqual([]);
  });

  test("the compiler imports nothing of tests, examples or benchmarks", () => {
    const outside = inner.filter((i) => !COMPILER.includes(i.to.split("/")[0]) && i.to !== "package.json");
    expect(outside.map(show)).toEqual([]);
  });

  test("no backend imports another", () => {
    /** Formulas of elementary functions, in which each backend puts its own arithmetic. */
    const shared = "backends/wasm/math/functions.ts";
    const folder = (path: string): string => path.split("/").slice(0, 2).join("/");
    const wrong = inner.filter(
      (i) =>
        /^backends\/\w+\//.test(i.from) &&
        /^backends\/\w+\//.test(i.to) &&
        folder(i.from) !== folder(i.to) &&
        i.to !== shared,
    );
    expect(wrong.map(show)).toEqual([]);
  });
});

describe("packages", () => {
  const packages = IMPORTS.filter((i) => i.isPackage);

  const { dependencies, devDependencies, peerDependencies } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  ) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
  const packageOf = ({ to }: Import): string => /^(@[^/]+\/)?[^/]+/.exec(to)?.[0] ?? to;
  const imported = packages.filter((i) => !i.isType && !i.to.startsWith("node:"));

  test("what the compiler imports at run time is put into its bundles, and nothing is a dependency", () => {
    expect(dependencies).toBeUndefined();
    const known = { ...devDependencies, ...peerDependencies };
    expect(imported.filter((i) => !(packageOf(i) in known)).map(show)).toEqual([]);
  });

  test("a package that users install themselves is imported where its absence is reported", () => {
    const reporting = ["backends/gpujs/library.ts", "src/inspect/layout.ts", "src/aot/emit.ts"];
    const wrong = imported.filter(
      (i) => packageOf(i) in peerDependencies! && !reporting.includes(i.from) && layerOf(i.from) !== "check",
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test("only files, the command line and what it emits need Node", () => {
    // Everything else runs in the browser from the same sources.
    const wrong = packages.filter(
      (i) => i.to.startsWith("node:") && !i.isType && !["cli", "aot"].includes(layerOf(i.from)),
    );
    expect(
      wrong.filter((i) => !/^src\/(files|data|runtime|summary|tuning)\//.test(i.from)).map(show),
    ).toEqual([]);
  });
});

test("there is no cycle of imports between files", () => {
  const edges = new Map<string, string[]>();
  for (const { from, to, isPackage, isType } of IMPORTS) {
    if (!isPackage && !isType) edges.set(from, [...(edges.get(from) ?? []), to]);
  }
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const next of edges.get(path) ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  };
  expect([...edges.keys()].map((path) => visit(path, [])).find((cycle) => cycle.length > 0) ?? []).toEqual(
    [],
  );
});

describe("every file", () => {
  /** What a program has made of another file says so. */
  const isWritten = (file: SourceFile): boolean => !/^\/\/ @generated by/m.test(file.getFullText());

  test("has at most 400 lines", () => {
    const long = FILES.filter(isWritten)
      .map((f) => [pathOf(f), f.getEndLineNumber()] as const)
      .filter(([, n]) => n > 401);
    expect(long).toEqual([]);
  });

  test("starts by saying what it is", () => {
    const silent = FILES.filter(isWritten).filter(
      (f) => !/^(#!.*\n)?\/\*\*(\n \*)? \S/.test(f.getFullText()),
    );
    expect(silent.map(pathOf)).toEqual([]);
  });

  test("names files with their extension", () => {
    const wrong = FILES.flatMap(importsOf).filter((i) => !i.isPackage && !/\.(ts|json|js)$/.test(i.to));
    expect(wrong.map(show)).toEqual([]);
  });
});
