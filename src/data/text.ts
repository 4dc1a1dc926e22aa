/** Text as numbers: vocabularies that encode and decode, and datasets of pieces of a text for language models. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { Tensor } from "../tensor/index.ts";
import { checkText } from "./arguments.ts";
import { checkIndex, type ItemDataset } from "./dataset.ts";

/** Maps text to the numbers of its tokens, and back. */
export interface Vocabulary {
  /** The number of tokens, which are numbered 0 … size - 1. */
  readonly size: number;
  /** The numbers of the tokens of a text. */
  encode(text: string): Int32Array;
  /** The text of the tokens with these numbers. */
  decode(tokens: ArrayLike<number>): string;
}

/** The characters of a text, in the order of their code points; a pair of surrogates is one character. */
export class CharVocabulary implements Vocabulary {
  /** The characters, each at its number. */
  readonly characters: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(text: string) {
    checkText("CharVocabulary", "a text whose characters are the vocabulary", text);
    const codePoint = (character: string): number => character.codePointAt(0) ?? 0;
    this.characters = [...new Set(text)].sort((a, b) => codePoint(a) - codePoint(b));
    this.#numbers = new Map(this.characters.map((character, number) => [character, number]));
  }

  get size(): number {
    return this.characters.length;
  }

  /** The numbers of the tokens of a text. */
  encode(text: string): Int32Array {
    checkString("CharVocabulary", text);
    return Int32Array.from([...text], (character) => {
      const number = this.#numbers.get(character);
      if (number !== undefined) return number;
      throw new KilnError(
        `the vocabulary has no character ${JSON.stringify(character)}: it has the ${this.size} of the text it was made of`,
      );
    });
  }

  /** The text of the tokens with these numbers. */
  decode(tokens: ArrayLike<number>): string {
    return checkedTokens("CharVocabulary", tokens, this.size)
      .map((token) => this.characters[token])
      .join("");
  }
}

/** The 256 bytes of UTF-8: encodes any text. Bytes that are no UTF-8 decode to U+FFFD. */
export class ByteVocabulary implements Vocabulary {
  readonly size = 256;

  /** The numbers of the tokens of a text. */
  encode(text: string): Int32Array {
    checkString("ByteVocabulary", text);
    return Int32Array.from(new TextEncoder().encode(text));
  }

  /** The text of the tokens with these numbers. */
  decode(tokens: ArrayLike<number>): string {
    const bytes = Uint8Array.from(checkedTokens("ByteVocabulary", tokens, this.size));
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }
}

/**
 * What a tokenizer of another library has, such as one of `@huggingface/tokenizers`: what it encodes may be an object
 * with `ids`.
 */
export interface TokenizerLike {
  /** The numbers of the tokens of a text. */
  encode(text: string): { readonly ids: ArrayLike<number> } | ArrayLike<number>;
  /** The text of the tokens with these numbers. */
  decode(tokens: number[]): string;
}

/** A tokenizer of another library as a vocabulary of `size` tokens. */
export function tokenizerVocabulary(tokenizer: TokenizerLike, size: number): Vocabulary {
  const { encode, decode } = Object(tokenizer) as Partial<TokenizerLike>;
  if (typeof encode !== "function" || typeof decode !== "function") {
    throw new KilnError(
      `tokenizerVocabulary takes a tokenizer with encode and decode, not ${describeValue(tokenizer)}`,
    );
  }
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new KilnError(
      `tokenizerVocabulary needs the size of the vocabulary, not ${typeof size === "number" ? size : describeValue(size)}`,
    );
  }
  return {
    size,
    encode(text) {
      checkString("tokenizerVocabulary", text);
      const encoded: unknown = tokenizer.encode(text);
      const ids = (Object(encoded) as { ids?: unknown }).ids ?? encoded;
      return Int32Array.from(checkedTokens("the tokenizer", ids as ArrayLike<number>, size));
    },
    decode: (tokens) => tokenizer.decode(checkedTokens("tokenizerVocabulary", tokens, size)),
  };
}

/**
 * Pieces of `length` tokens of one long text, each with the piece that begins one token later as its target, for
 * training language models. Pieces begin every `stride` tokens, by default one after the other; a remainder that is too
 * short is left out. Samples are int32 of shape `[length]`.
 */
export class TokenDataset implements ItemDataset<[Tensor, Tensor]> {
  /** The numbers of all tokens, in order. */
  readonly tokens: Int32Array;
  readonly length: number;
  readonly description: string;
  readonly #extent: number;
  readonly #stride: number;

  constructor(tokens: Int32Array, length: number, stride: number = length) {
    if (!(tokens instanceof Int32Array)) {
      throw new KilnError(
        `TokenDataset takes tokens as an Int32Array, such as vocabulary.encode(text), not ${describeValue(tokens)}`,
      );
    }
    for (const [name, value] of Object.entries({ length, stride })) {
      if (Number.isSafeInteger(value) && value >= 1) continue;
      throw new KilnError(
        `TokenDataset needs a ${name} of at least 1 token, not ${typeof value === "number" ? value : describeValue(value)}`,
      );
    }
    if (tokens.length <= length) {
      throw new KilnError(
        `TokenDataset needs more than the ${length} tokens of one piece, the targets being one token on, but has ${tokens.length}`,
      );
    }
    this.tokens = tokens;
    this.length = Math.floor((tokens.length - 1 - length) / stride) + 1;
    this.description = `${this.length} pieces of ${length} tokens`;
    this.#extent = length;
    this.#stride = stride;
  }

  getItem(index: number): [Tensor, Tensor] {
    checkIndex(this, index);
    const begin = index * this.#stride;
    const piece = (from: number): Tensor =>
      Tensor.fromData(this.tokens.slice(from, from + this.#extent), [this.#extent], "int32");
    return [piece(begin), piece(begin + 1)];
  }
}

function checkString(callee: string, text: unknown): void {
  if (typeof text !== "string") throw new KilnError(`${callee} encodes a text, not ${describeValue(text)}`);
}

/** The tokens as a list; throws for what is no token of the vocabulary. */
function checkedTokens(callee: string, tokens: ArrayLike<number>, size: number): number[] {
  if (!(Array.isArray(tokens) || (ArrayBuffer.isView(tokens) && !(tokens instanceof DataView)))) {
    throw new KilnError(`${callee} has tokens in an array, not ${describeValue(tokens)}`);
  }
  const all: number[] = Array.from(tokens);
  const bad = all.findIndex((token) => !(Number.isInteger(token) && token >= 0 && token < size));
  if (bad < 0) return all;
  const found: unknown = all[bad];
  throw new KilnError(
    `${callee} has the tokens 0..${size - 1}, but number ${bad} of these is ${typeof found === "number" ? found : describeValue(found)}`,
  );
}
