/** `docs/pytorch.md` says what Kiln has for PyTorch's names: it is made from what is exported, and kept true here. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Names, pytorchPage } from "../support/pytorch-page.ts";

const file = new URL("../fixtures/pytorch_names.json", import.meta.url);
const { version, names } = JSON.parse(readFileSync(file, "utf8")) as { version: string; names: Names };

test("the page is what Kiln exports", async () => {
  await expect(pytorchPage(version, names)).toMatchFileSnapshot("../../docs/pytorch.md");
});
