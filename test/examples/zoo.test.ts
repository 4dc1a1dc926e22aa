/**
 * The zoo's programs import, compile and take a few steps; that they learn, each says itself when it is run. Three of them
 * are run in test/browser/zoo.test.ts instead, in Node as well as on a page.
 */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "kiln-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { main as charRnn } from "../../examples/zoo/char-rnn.ts";
import { main as dcgan } from "../../examples/zoo/dcgan.ts";
import { main as ddpm } from "../../examples/zoo/ddpm.ts";
import { main as dqn } from "../../examples/zoo/dqn.ts";
import { main as gruClassifier } from "../../examples/zoo/gru-classifier.ts";
import { main as matrixFactorisation } from "../../examples/zoo/matrix-factorisation.ts";
import { main as mobilenet } from "../../examples/zoo/mobilenet.ts";
import { main as pinn } from "../../examples/zoo/pinn.ts";
import { main as siamese } from "../../examples/zoo/siamese.ts";
import { main as tabular } from "../../examples/zoo/tabular.ts";
import { CHARACTERS, encode, knownWords, text } from "../../examples/zoo/text.ts";
import { main as textClassifier } from "../../examples/zoo/text-classifier.ts";
import { main as unet } from "../../examples/zoo/unet.ts";
import { main as vae } from "../../examples/zoo/vae.ts";
import { main as vit } from "../../examples/zoo/vit.ts";
import { loadModelFile } from "../../src/cli/model-file.ts";

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  vi.spyOn(console, "warn");
});
afterEach(() => {
  // Nothing in them looks like a mistake.
  expect(console.warn).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

const isShare = (share: number): boolean => share >= 0 && share <= 1;

test("text-classifier", async () => expect(isShare(await textClassifier(2))).toBe(true));
test("vit", async () => expect(isShare(await vit(1, 128, 1))).toBe(true));
test("char-rnn", async () => expect(isShare(await charRnn(2, 3))).toBe(true));
test("dcgan", async () => expect((await dcgan(1, 32)).every(Number.isFinite)).toBe(true));
test("vae", async () => expect(await vae(1, 64)).toBeLessThan(1));
test("ddpm", async () => {
  const [samples, noise] = await ddpm(2, 16);
  expect([samples, noise].every(Number.isFinite)).toBe(true);
});
test("dqn", async () => {
  const [before, after] = await dqn(130);
  expect([before, after].every((pushes) => pushes > 0 && pushes <= 500)).toBe(true);
});
test("pinn", async () => {
  const [error, size] = await pinn(2);
  expect(error).toBeGreaterThan(0);
  // A sine times a cosine.
  expect(size).toBeCloseTo(0.5, 1);
});

test("gru-classifier", async () => expect(isShare(await gruClassifier(2, 1))).toBe(true));
test("matrix-factorisation", async () => {
  const [error, baseline] = await matrixFactorisation(1, 400);
  expect(error).toBeGreaterThan(0);
  // About the root of 2.5: two products of independent traits, and half of two more.
  expect(Math.abs(baseline - 1.6)).toBeLessThan(1.3);
});
test("tabular", async () => expect(await tabular(120, 2)).toBeLessThan(1));
test("mobilenet", async () => expect(isShare(await mobilenet(1, 1, [[1, 8, 1, 2]]))).toBe(true));
test("siamese", async () => expect(isShare(await siamese(2, 1))).toBe(true));
test("unet", async () => expect(isShare(await unet(2, 1))).toBe(true));

const zoo = new URL("../../examples/zoo/", import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, zoo), "utf8");
const programs = readdirSync(zoo).filter(
  (file) => file.endsWith(".ts") && / function main\(/.test(read(file)),
);

test.each(programs)(
  "%s is listed, compared with PyTorch, and asks in a way that pages know whether it is run",
  (file) => {
    const name = file.slice(0, -".ts".length);
    expect(read("README.md")).toContain(`| [${name}](${file})`);
    const fixtures = readdirSync(new URL("../../test/fixtures/zoo", zoo));
    expect(fixtures).toContain(`${name.replaceAll("-", "_")}.json`);
    expect(read(file)).toContain(
      "\nif (import.meta.filename && import.meta.filename === process.argv[1]) {\n",
    );
  },
);

test.each(programs.filter((file) => /^export const inputs = /m.test(read(file))))(
  "the command takes %s for the model that it trains",
  async (file) => {
    const url = new URL(file, zoo);
    const { model, inputs, targets } = await loadModelFile(fileURLToPath(url), 0, url);
    const program = await compile(model, { inputs, backend: "interpret" });
    expect(program.kernels.length).toBeGreaterThan(0);
    expect(targets === undefined).toBe(file !== "char-gpt.ts");
  },
);

test("the text that is read is made of words that are known, in characters that have numbers", () => {
  const written = text(200);
  expect(written.length).toBe(200);
  expect(knownWords(written)).toBe(1);
  expect(encode(written).every((character) => character >= 0 && character < CHARACTERS.length)).toBe(true);
});
