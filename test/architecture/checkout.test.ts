/** Tests read nothing that lies beside the checkout: in a stranger's clone nothing does. */

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("what lies beside the checkout cannot be opened", async () => {
  const beside = new URL("../../../no-such-neighbour/data", import.meta.url);
  expect(() => readFileSync(beside)).toThrow(/a test opens \S+ which is no part of the checkout/);
  expect(() => readFile(fileURLToPath(beside))).toThrow(/which is no part of the checkout/);
  expect(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).toContain('"kiln-js"');
});
