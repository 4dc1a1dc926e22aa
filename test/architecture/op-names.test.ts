/** No pass, driver or backend names an op: what they need to know of one stands in its definition. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { OPS } from "../../src/ops/registry.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The rooms of those who are to work with any op. */
const ROOMS = [
  ...["passes", "backends", "src/driver", "src/compare", "src/explore", "src/inspect", "src/tuning"],
  ...["src/loop", "src/runtime"],
];

/** Literals that are equal to an op's name and mean something else, by the file and with the reason. */
const OTHERS: readonly { readonly file: RegExp; readonly text: string; readonly why: string }[] = [
  { file: /^passes\/scheduling\//, text: "copy", why: "the name of a section of a kernel" },
];

interface Literal {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

const parse = (file: string, text: string): ts.SourceFile =>
  ts.createSourceFile(file, text, ts.ScriptTarget.Latest);

const read = (file: string): ts.SourceFile => parse(file, readFileSync(join(ROOT, file), "utf8"));

function literalsOf(source: ts.SourceFile): Literal[] {
  const found: Literal[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push({ file: source.fileName, line: line + 1, text: node.text });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Whether a file works on graphs, where an op's name means the op. */
const seesGraphs = (source: ts.SourceFile): boolean =>
  source.statements.some(
    (s) =>
      ts.isImportDeclaration(s) &&
      ts.isStringLiteral(s.moduleSpecifier) &&
      /\/(ir|ops)\//.test(s.moduleSpecifier.text),
  );

/** The words of the Loop IR, which are operators of expressions and kinds of statements although ops are called so too. */
const LOOP_WORDS = new Set(literalsOf(read("src/loop/types.ts")).map(({ text }) => text));

/** What names an op in a file. In files that see no graph, a word of the Loop IR is one. */
const namesIn = (source: ts.SourceFile): Literal[] =>
  literalsOf(source).filter(
    ({ file, text }) =>
      Object.hasOwn(OPS, text) &&
      (seesGraphs(source) || !LOOP_WORDS.has(text)) &&
      !OTHERS.some((other) => other.file.test(file) && other.text === text),
  );

const FILES = [
  "src/compile.ts",
  ...ROOMS.flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
  ),
].map(read);

describe("names of ops", () => {
  test("are found where they stand", () => {
    // Guards the test itself: a search that finds nothing holds no rule.
    const sources = [
      ["graph", 'import type { Node } from "../src/ir/types.ts"; const isSum = (n: Node) => n.op === "sum";'],
      ["kernel", 'const isSum = (e: Expr) => e.op === "sum" || e.op === "conv2d";'],
    ] as const;
    const found = sources.map(([file, text]) => namesIn(parse(`${file}.ts`, text)).map((l) => l.text));
    expect(found).toEqual([["sum"], ["conv2d"]]);
    expect(FILES.length).toBeGreaterThan(200);
    expect(LOOP_WORDS.has("sum")).toBe(true);
  });

  test("stand in no pass, driver or backend", () => {
    const wrong = FILES.flatMap(namesIn);
    expect(wrong.map(({ file, line, text }) => `${file}:${line}: "${text}"`)).toEqual([]);
  });

  test("every exception is one", () => {
    const all = FILES.flatMap(literalsOf);
    const idle = OTHERS.filter(({ file, text }) => !all.some((l) => file.test(l.file) && l.text === text));
    expect(idle).toEqual([]);
  });
});
