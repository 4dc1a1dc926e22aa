/**
 * Three programs of the zoo take their first steps in Node, and in Chromium the same: convolutions, attention, and loops over
 * sequences.
 */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium, skipReason } from "./chromium.ts";
import { firstSteps, type ZooProgram } from "./page/zoo.ts";
import { openTestPage, type TestPage } from "./test-page.ts";

let browser: Browser | undefined;
let page: TestPage | undefined;

beforeAll(async () => {
  if (skipReason !== undefined) return;
  browser = await launchChromium();
  page = await openTestPage(browser, ["zoo"]);
});
afterAll(async () => {
  await page?.close();
  await browser?.close();
});

test.each<ZooProgram>(["char-gpt", "lstm-classifier", "resnet"])("%s", async (name) => {
  const here = await firstSteps(name);
  expect(here.printed.filter((line) => /^step [12]: loss \d/.test(line)).length).toBe(2);
  expect(here.figure >= 0 && here.figure <= 1).toBe(true);
  if (page !== undefined) expect(await page.call("zoo", "firstSteps", name)).toEqual(here);
});
