/** Vocabularies that encode and decode, and datasets of pieces of a text. */

import { data, type Tensor, tensor } from "kiln-js";
import { describe, expect, expectTypeOf, it } from "vitest";

describe("vocabularies", () => {
  it("of characters sort them, keep pairs together, and go both ways", () => {
    const vocabulary = new data.CharVocabulary("banana 🙂ﬁ");
    expect(vocabulary.characters).toEqual([" ", "a", "b", "n", "ﬁ", "🙂"]);
    expect([...vocabulary.encode("nab🙂")]).toEqual([3, 1, 2, 5]);
    expect(vocabulary.decode(vocabulary.encode("a banana"))).toBe("a banana");
    expect(() => vocabulary.encode("cat")).toThrow('the vocabulary has no character "c"');
    expect(() => vocabulary.decode([6])).toThrow("has the tokens 0..5, but number 0 of these is 6");
  });

  it("of bytes encode any text", () => {
    const vocabulary = new data.ByteVocabulary();
    expect([...vocabulary.encode("é\n")]).toEqual([0xc3, 0xa9, 10]);
    for (const text of ["", "naïve 🙂", "\ufeffmark"])
      expect(vocabulary.decode(vocabulary.encode(text))).toBe(text);
    expect(vocabulary.decode([0xc3])).toBe("\ufffd");
  });

  it("of another library's tokenizer take objects with ids, and lists", () => {
    const words = ["the", "cat", "sat"];
    const ids = (text: string) => text.split(" ").map((word) => words.indexOf(word));
    const decode = (tokens: number[]) => tokens.map((token) => words[token]).join(" ");
    for (const encode of [ids, (text: string) => ({ ids: ids(text), tokens: text.split(" ") })]) {
      const vocabulary = data.tokenizerVocabulary({ encode, decode }, 3);
      expect(vocabulary.encode("cat sat")).toEqual(Int32Array.of(1, 2));
      expect(vocabulary.decode(Int32Array.of(0, 1))).toBe("the cat");
      expect(() => vocabulary.encode("dog")).toThrow("number 0 of these is -1");
    }
  });
});

describe("TokenDataset", () => {
  it("gives pieces, each with what comes one token later", async () => {
    const tokens = Int32Array.from({ length: 10 }, (_, k) => k);
    const dataset = new data.TokenDataset(tokens, 3);
    expect(dataset.length).toBe(3);
    const loader = new data.DataLoader(dataset, { batchSize: 3 });
    expectTypeOf(loader).toEqualTypeOf<data.DataLoader<[Tensor, Tensor]>>();
    for await (const [x, y] of loader) {
      expect([x.dtype, y.dtype]).toEqual(["int32", "int32"]);
      expect(await x.array()).toEqual([
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
      ]);
      expect(await y.array()).toEqual([
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ]);
    }
    const dense = new data.TokenDataset(tokens, 3, 1);
    expect([dense.length, await dense.getItem(6)[1].array()]).toEqual([7, [7, 8, 9]]);
    expect(() => dense.getItem(7)).toThrow("sample 7 does not exist");
    expect(() => new data.TokenDataset(tokens, 10)).toThrow("needs more than the 10 tokens of one piece");
    expect(() => new data.TokenDataset(tensor([1]) as never, 1)).toThrow("tokens as an Int32Array");
  });
});
