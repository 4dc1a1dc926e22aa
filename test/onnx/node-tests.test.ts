/**
 * ONNX's own tests of its operators, on three backends: none fails, and docs/onnx-node-tests.md says what comes of each.
 * `npm test` runs a share of those that the page has as passed, a whole run all of them.
 */

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { isWhole, oneIn } from "../support/extent.ts";
import { readNodeTests } from "./node-tests/archive.ts";
import { listed, nodeTestsPage } from "./node-tests/page.ts";
import { BACKENDS, type Outcome, runNodeTest } from "./node-tests/run.ts";

const PAGE = "../../docs/onnx-node-tests.md";
const archive = process.env.KILN_ONNX_NODE_TESTS;
const tests = readNodeTests(archive === undefined ? undefined : pathToFileURL(archive));
const outcomes = new Map<string, Outcome>();

describe.each(BACKENDS)("on %s", (backend) => {
  const passing = listed(readFileSync(new URL(PAGE, import.meta.url), "utf8"), "Passed");
  const share = isWhole
    ? tests
    : oneIn(
        20,
        tests.filter(({ name }) => passing.has(name)),
      );

  test.each(share.map((each) => [each.name, each] as const))("%s", async (name, each) => {
    const outcome = await runNodeTest(each, backend);
    if (outcome.kind === "failed") throw new Error(outcome.reason);
    if (isWhole) {
      const before = outcomes.get(name) ?? outcome;
      expect(outcome).toEqual(before);
      outcomes.set(name, outcome);
    } else expect(outcome.kind).toBe("passed");
  });
});

test.runIf(isWhole && archive === undefined)("the page has what comes of each", async () => {
  const results = tests.map((each) => ({ test: each, outcome: outcomes.get(each.name)! }));
  expect(results.filter(({ outcome }) => outcome.kind === "passed").length).toBeGreaterThan(1450);
  await expect(nodeTestsPage(results)).toMatchFileSnapshot(PAGE);
});
