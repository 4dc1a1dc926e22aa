/** Stand-alone modules on pages whose content security policy forbids code from strings. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { manualSeed } from "kiln-js";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveFolder } from "../../examples/browser/static-server.ts";
import { buildAlone, labels, modelFile, wave } from "../aot/stand-alone.ts";
import { LeNet } from "../support/nets.ts";
import { relativeError } from "../support/run-graph.ts";
import { launchChromium, skipReason } from "./chromium.ts";

const BATCH = 4;
const PIXELS = BATCH * 32 * 32;
const IMAGES = [BATCH, 1, 32, 32];

const POLICIES = { js: "script-src 'self'", wasm: "script-src 'self' 'wasm-unsafe-eval'" } as const;

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>Alone</title><script type="module" src="page.js"></script>';

/** What the page runs: `use` makes `result` of a model. */
const script = (target: string, use: string): string => `
import { create } from "./model.js";
const bytes = async (name) => (await fetch(name)).arrayBuffer();
const wave = (length, run = 0) => Float32Array.from({ length }, (_, k) => ((37 * k + 11 * run) % 64) / 32 - 1);
const labels = (length, classes, run = 0) => Int32Array.from({ length }, (_, k) => (k * 7 + run) % classes);
const outcome = { forbidden: false };
try { new Function("return 1"); } catch { outcome.forbidden = true; }
try {
  const model = await create(await bytes("weights.safetensors")${target === "wasm" ? ', await bytes("model.wasm")' : ""});
  outcome.result = ${use};
} catch (error) {
  outcome.error = String(error);
}
const shown = document.createElement("pre");
shown.id = "outcome";
shown.textContent = JSON.stringify(outcome);
document.body.append(shown);`;

interface Outcome {
  readonly forbidden: boolean;
  readonly result?: readonly number[];
  readonly error?: string;
}

describe.skipIf(skipReason)("stand-alone modules on a page", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  async function outcomeOf(folder: string, target: string, use: string, policy: string): Promise<Outcome> {
    writeFileSync(join(folder, "index.html"), PAGE);
    writeFileSync(join(folder, "page.js"), script(target, use));
    const server = await serveFolder(folder, 0, { "content-security-policy": policy });
    const page = await browser.newPage();
    try {
      await page.goto(server.url);
      return JSON.parse((await page.locator("#outcome").textContent())!);
    } finally {
      await page.close();
      await server.close();
    }
  }

  test.each(["js", "wasm"] as const)(
    "LeNet's forward pass has the bits that it has in Node (%s)",
    async (target) => {
      manualSeed(1);
      const built = await buildAlone(modelFile(new LeNet(), [IMAGES]), { target });
      const use = `[...model.run(wave(${PIXELS}))]`;
      const { forbidden, result } = await outcomeOf(built.folder, target, use, POLICIES[target]);
      expect(forbidden).toBe(true);
      // LeNet's forward pass multiplies, adds and compares, which rounds the same everywhere.
      expect(result).toEqual([...(await built.create()).run(wave(PIXELS))]);
    },
  );

  test.each(["js", "wasm"] as const)("LeNet learns (%s)", async (target) => {
    manualSeed(1);
    const built = await buildAlone(modelFile(new LeNet(), [IMAGES]), { target, mode: "training" });
    const use = `[0, 1, 2].map((run) => model.step(wave(${PIXELS}, run), labels(${BATCH}, 10, run)))`;
    const { forbidden, result } = await outcomeOf(built.folder, target, use, POLICIES[target]);
    const alone = await built.create();
    const wanted = [0, 1, 2].map((run) => alone.step(wave(PIXELS, run), labels(BATCH, 10, run)));
    expect(forbidden).toBe(true);
    // exp and log of js are the engine's own, and may differ in the last bit; those of wasm are in the module.
    expect(relativeError(result!, wanted)).toBeLessThan(target === "js" ? 1e-6 : Number.MIN_VALUE);
  });

  test("WebAssembly needs the policy's leave", async () => {
    const built = await buildAlone(modelFile(new LeNet(), [IMAGES]), { target: "wasm" });
    const { error } = await outcomeOf(built.folder, "wasm", "[]", POLICIES.js);
    expect(error).toContain("CompileError");
  });
});
