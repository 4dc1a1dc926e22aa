/** The zoo's programs import, compile and take a few steps; that they learn, each says itself when it is run. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { main as charGpt } from "../../examples/zoo/char-gpt.ts";
import { main as charRnn } from "../../examples/zoo/char-rnn.ts";
import { main as lstmClassifier } from "../../examples/zoo/lstm-classifier.ts";
import { CHARACTERS, encode, knownWords, text } from "../../examples/zoo/text.ts";

beforeEach(() => void vi.spyOn(console, "log").mockImplementation(() => undefined));
afterEach(() => vi.restoreAllMocks());

const isShare = (share: number): boolean => share >= 0 && share <= 1;

test("lstm-classifier", async () => expect(isShare(await lstmClassifier(2))).toBe(true));
test("char-rnn", async () => expect(isShare(await charRnn(2, 3))).toBe(true));
test("char-gpt", async () => expect(isShare(await charGpt(2, 3))).toBe(true));

test("the text that is read is made of words that are known, in characters that have numbers", () => {
  const written = text(200);
  expect(written.length).toBe(200);
  expect(knownWords(written)).toBe(1);
  expect(encode(written).every((character) => character >= 0 && character < CHARACTERS.length)).toBe(true);
});
