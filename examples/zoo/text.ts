/** The data of the zoo's language models: endless sentences of a small grammar. */

import { type Tensor, tensor } from "kiln-js";

const NOUNS = ["cat", "dog", "bird", "child", "king"];
const VERBS = ["sees", "likes", "follows", "hears"];
const ADJECTIVES = ["old", "small", "happy", "quiet"];

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)];

const thing = (): string =>
  Math.random() < 0.5 ? `the ${pick(NOUNS)}` : `the ${pick(ADJECTIVES)} ${pick(NOUNS)}`;

const sentence = (): string => `${thing()} ${pick(VERBS)} ${thing()}. `;

/** So many characters of sentences. */
export function text(length: number): string {
  let written = "";
  while (written.length < length) written += sentence();
  return written.slice(0, length);
}

/** All characters that occur in such texts; a character's number is its index here. */
export const CHARACTERS = [...new Set([...NOUNS, ...VERBS, ...ADJECTIVES, "the", " ."].join(""))]
  .sort()
  .join("");

export const encode = (words: string): number[] =>
  Array.from(words, (character) => CHARACTERS.indexOf(character));

/** Texts of `length` characters, [count, length], and for each character the one that follows it. */
export function batch(count: number, length: number): [characters: Tensor, next: Tensor] {
  return shifted(Array.from({ length: count }, () => encode(text(length + 1))));
}

/** Rows of numbers without their last ones, and without their first ones. */
function shifted(rows: readonly number[][]): [characters: Tensor, next: Tensor] {
  const numbers = (from: number, to?: number): Tensor =>
    tensor(
      rows.map((row) => row.slice(from, to)),
      { dtype: "int32" },
    );
  return [numbers(0, -1), numbers(1)];
}

/**
 * Reads endless texts in parallel: each call returns the next `length` characters
 * of all of them, [count, length], and for each the one that follows.
 */
export function reader(count: number, length: number): () => [characters: Tensor, next: Tensor] {
  const begun = Array.from({ length: count }, () => "");
  return () => {
    const rows = begun.map((left, k) => {
      let words = left;
      while (words.length <= length) words += sentence();
      begun[k] = words.slice(length);
      return encode(words.slice(0, length + 1));
    });
    return shifted(rows);
  };
}

/** The share of words that the grammar knows. */
export function knownWords(written: string): number {
  const words = written.split(/[ .]+/).slice(1, -1);
  const known = new Set([...NOUNS, ...VERBS, ...ADJECTIVES, "the"]);
  return words.filter((word) => known.has(word)).length / Math.max(1, words.length);
}

/** A number drawn by the softmax of `scores`. */
export function draw(scores: ArrayLike<number>): number {
  const list = Array.from(scores);
  const largest = Math.max(...list);
  const weights = list.map((score) => Math.exp(score - largest));
  let left = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
  const at = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return at < 0 ? list.length - 1 : at;
}
