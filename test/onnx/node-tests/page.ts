/** Writes docs/onnx-node-tests.md: what comes of each of ONNX's node tests. */

import { decodeModel } from "../../../src/onnx/model-proto.ts";
import type { NodeTest } from "./archive.ts";
import type { Outcome } from "./run.ts";

/** What comes of a test on all backends. */
export interface Result {
  readonly test: NodeTest;
  readonly outcome: Outcome;
}

/** The operator that a test is of; those whose models are the bodies of functions belong to the function. */
function operatorOf({ name, model }: NodeTest, byName: ReadonlyMap<string, NodeTest>): string {
  const whole = byName.get(name.replace(/_expanded.*$/, ""));
  const { node } = decodeModel(whole?.model ?? model, name).graph!;
  return node.length === 1 ? node[0].opType : "Several operators";
}

const plain = ({ name }: NodeTest): string => name.replace(/^test_/, "");

const of = <Kind extends Outcome["kind"]>(results: readonly Result[], kind: Kind) =>
  results.flatMap(({ test, outcome }) =>
    outcome.kind === kind ? [{ test, outcome: outcome as Extract<Outcome, { kind: Kind }> }] : [],
  );

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The page, of all tests and what comes of them. */
export function nodeTestsPage(results: readonly Result[]): string {
  const byName = new Map(results.map(({ test }) => [test.name, test]));
  const passed = of(results, "passed");
  const unsupported = of(results, "unsupported");
  const leftOut = of(results, "left out");
  const operators = grouped(passed, ({ test }) => operatorOf(test, byName));
  const reasons = grouped(unsupported, ({ outcome }) => outcome.reason);
  return `# ONNX's node tests

The ONNX project publishes a test for every operator: a model of one node, numbers that go in, and those that are to come out. Kiln runs all ${results.length} of version 1.23.2 on the backends \`interpret\`, \`js\` and \`wasm\`. On each of them ${passed.length} pass, none fails, ${unsupported.length} are of something that Kiln does not have, and ${leftOut.length} have so many numbers that they are not in the file of tests that is part of the sources (they pass, too). This page is made from what comes of them (\`KILN_TESTS=all npx vitest run test/onnx --update\`).

Numbers are compared within the tolerance that each test states; those of 16-bit floats, which Kiln computes in float32, within two of their own steps. What shapes depend on is known when a test's model is compiled, as it is in models of real nets. Tests whose names end in \`_expanded\` are operators written out as the nodes that they stand for.

## Passed

${operators.map(([name, group]) => `**${name}**: ${group.map(({ test }) => plain(test)).join(", ")}.`).join("\n\n")}

## Unsupported

${reasons.map(([reason, group]) => `${reason}: ${group.map(({ test }) => plain(test)).join(", ")}.`).join("\n\n")}

## Left out for the number of their numbers

${leftOut.map(({ test }) => plain(test)).join(", ")}.
`;
}

/** The tests that the page has under one of its headings. */
export function listed(page: string, heading: string): ReadonlySet<string> {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const names = section.split("\n## ")[0].matchAll(/(?<=[:,\n] ?)\w+(?=[,.])/g);
  return new Set(Array.from(names, ([name]) => `test_${name}`));
}
