/** `docs/onnx.md` has a table of all operators: it is made from their definitions, and kept true here. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Operator } from "../../src/onnx/operator.ts";
import { OPERATORS } from "../../src/onnx/operators/registry.ts";

const PAGE = "../../docs/onnx.md";
const [BEGIN, END] = ["<!-- operators -->\n", "\n<!-- end of operators -->"];

/** What a reader should know of an operator: where its weights stand, what must be known, and what is missing. */
function remarks({ weights, known, limits }: Operator): string {
  const listed = (positions: readonly number[]): string => positions.join(", ");
  return [
    ...(weights === undefined ? [] : [`weights: ${listed(weights)}`]),
    ...(known === undefined ? [] : [`known: ${listed(known)}`]),
    ...(limits === undefined ? [] : [limits]),
  ].join("; ");
}

function table(): string {
  const rows = Object.entries(OPERATORS).map(([kind, operators]: [string, readonly Operator[]]) => {
    const sorted = [...operators].sort((a, b) => (a.name < b.name ? -1 : 1));
    const named = sorted.map((operator) => {
      const remark = remarks(operator);
      return `\`${operator.name}\`${remark === "" ? "" : ` (${remark})`}`;
    });
    return `| ${kind} | ${named.join(", ")} |`;
  });
  const count = Object.values(OPERATORS).flat().length;
  return `
${count} operators, by kind. *Weights* are the positions of inputs at which an initializer is learned, counted from 0; *known* those of inputs that must be known when the model is compiled.

| kind | operators |
|---|---|
${rows.join("\n")}
`;
}

test("the page has all operators", async () => {
  const page = readFileSync(new URL(PAGE, import.meta.url), "utf8");
  const [before, rest] = page.split(BEGIN);
  const [, after] = rest.split(END);
  await expect(`${before}${BEGIN}${table()}${END}${after}`).toMatchFileSnapshot(PAGE);
});

test("no operator is defined twice", () => {
  const names = Object.values(OPERATORS).flatMap((operators: readonly Operator[]) =>
    operators.map(({ name }) => name),
  );
  expect(names.filter((name, k) => names.indexOf(name) !== k)).toEqual([]);
});
