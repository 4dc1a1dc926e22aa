/** What depends on a dtype alone stands in its table (`src/core/dtype.ts`) and in exhaustive tables and switches of printers. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { DTYPES } from "../../src/core/dtype.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Whoever works with kernels or memory of any type. Ops are not among them: their typing rules name what they take. */
const ROOMS = ["passes", "backends", "src/loop", "src/runtime", "src/compare", "src/driver", "src/tuning"];

/** `bool` has an arithmetic of its own, and a form of its own in most languages; a test for it is no guess at the others. */
const NUMBERS = new Set<string>(DTYPES.filter((dtype) => dtype !== "bool"));

/** Comparisons with a dtype's name, which a new dtype would fall through unseen. */
function comparisons(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found: string[] = [];
  const isName = (node: ts.Node): boolean => ts.isStringLiteral(node) && NUMBERS.has(node.text);
  const visit = (node: ts.Node): void => {
    const isComparison =
      ts.isBinaryExpression(node) &&
      [ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsEqualsToken].includes(
        node.operatorToken.kind,
      );
    if (isComparison && (isName(node.left) || isName(node.right))) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push(`${file}:${line + 1}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe("dtypes", () => {
  test("are found where they are compared by name", () => {
    const text = 'const a = e.dtype === "float32" ? 1 : 2;\nconst b = "int32" !== dtype || dtype === "bool";';
    expect(comparisons("some.ts", text)).toEqual(["some.ts:1", "some.ts:2"]);
  });

  test("are asked for their kind, never compared by name, wherever kernels of any type are handled", () => {
    const files = ROOMS.flatMap((room) =>
      readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
        .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
    );
    expect(files.length).toBeGreaterThan(150);
    expect(files.flatMap((file) => comparisons(file, readFileSync(join(ROOT, file), "utf8")))).toEqual([]);
  });
});
