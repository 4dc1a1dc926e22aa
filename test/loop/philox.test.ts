/** The random generator in Loop IR gives the host generator's words, bit for bit, on every backend. */

import { describe, expect, test } from "vitest";
import type { Backend } from "../../backends/backend.ts";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import { philox } from "../../src/core/philox.ts";
import { add, cast, int, load, mul, variable } from "../../src/loop/build.ts";
import { philoxWords, type Words4 } from "../../src/loop/philox.ts";
import type { Expr, Stmt } from "../../src/loop/types.ts";
import { generator } from "../support/draw.ts";
import { runKernel } from "../support/run-kernel.ts";

/** Counters (four words) followed by keys (two words), and what Random123 publishes for them. */
const KNOWN: readonly { readonly block: readonly number[]; readonly words: readonly number[] }[] = [
  { block: [0, 0, 0, 0, 0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    block: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    block: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

const EDGES = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffff0000, 0xffffffff];

/** Every edge in every word, and arbitrary blocks. */
function blocks(): number[][] {
  const random = generator(11);
  const drawn = (): number[] => Array.from({ length: 6 }, () => Math.floor(random() * 2 ** 32));
  const edges = EDGES.flatMap((edge) => [0, 1, 2, 3, 4, 5].map((at) => drawn().with(at, edge)));
  return [...edges, ...Array.from({ length: 2000 }, drawn)];
}

/** Stores word k of the block at `input[6·i…]` in `output[4·i + k]`, as `lower` would write it. */
function body(count: number): Stmt[] {
  const i = variable("i0");
  const at = (k: number): Expr => cast(load("input", "int32", add(mul(i, int(6)), int(k))), "uint32");
  const counter: Words4 = [at(0), at(1), at(2), at(3)];
  const words = philoxWords(counter, [at(4), at(5)]).map((word) => cast(word, "int32"));
  const stores = words.map((value, k): Stmt => {
    return { kind: "store", buffer: "output", index: add(mul(i, int(4)), int(k)), value };
  });
  return [{ kind: "for", name: "i0", extent: count, loop: "grid", body: stores }];
}

async function wordsOf(backend: Backend, given: readonly (readonly number[])[]): Promise<Uint32Array> {
  const input = Int32Array.from(given.flat());
  const output = await runKernel(backend, body(given.length), input, 4 * given.length);
  return new Uint32Array(output.buffer);
}

describe.each([interpret, js])("on $name", (backend) => {
  test("gives the published vectors", async () => {
    const words = await wordsOf(
      backend,
      KNOWN.map(({ block }) => block),
    );
    expect([...words]).toEqual(KNOWN.flatMap((known) => known.words));
  });

  test("gives the host's words for every counter and key, top bits included", async () => {
    const given = blocks();
    const words = await wordsOf(backend, given);
    const expected = new Uint32Array(4);
    for (const [i, block] of given.entries()) {
      philox(block.slice(0, 4), block.slice(4), expected);
      expect([...words.subarray(4 * i, 4 * i + 4)]).toEqual([...expected]);
    }
    expect(words.some((word) => word >= 2 ** 31)).toBe(true);
  });
});
