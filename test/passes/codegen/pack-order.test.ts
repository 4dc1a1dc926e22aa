/** Of panels that are packed side by side, the one that frees most comes first, and nothing else changes its place. */

import { expect, test } from "vitest";
import { inPackOrder } from "../../../passes/codegen/pack-order.ts";
import { namesOf, peakOf, programOf, type Sizes, type Touches } from "../../support/touching-kernels.ts";

const sizes: Sizes = {
  ...{ x: ["input", 8], small: ["intermediate", 8], large: ["intermediate", 100], out: ["intermediate", 1] },
  ...{ p: ["scratch", 10], q: ["scratch", 10], w: ["state", 8] },
};
const made: readonly Touches[] = [
  ["make_small", ["x"], ["small"]],
  ["make_large", ["x"], ["large"]],
];
const packs: readonly Touches[] = [
  ["pack_small", ["small"], ["p"]],
  ["pack_large", ["large"], ["q"]],
];
const product: Touches = ["product", ["p", "q"], ["out"]];

test("the pack that is the last to read most is the first", () => {
  const program = programOf(sizes, [...made, ...packs, product]);
  const ordered = inPackOrder(program);
  expect(namesOf(ordered)).toBe("make_small make_large pack_large pack_small product");
  expect(peakOf(ordered)).toBeLessThan(peakOf(program));
});

test("what is read again later frees nothing, and packs stay as they are", () => {
  const program = programOf(sizes, [...made, ...packs, product, ["again", ["large"], ["out"]]]);
  expect(namesOf(inPackOrder(program))).toBe("make_small make_large pack_small pack_large product again");
});

test("packs of states free nothing", () => {
  const program = programOf(sizes, [
    ...made,
    ["pack_state", ["w"], ["p"]],
    ["pack_large", ["large"], ["q"]],
    product,
  ]);
  expect(namesOf(inPackOrder(program))).toBe("make_small make_large pack_large pack_state product");
});

test("a pack of a panel waits for whoever makes the panel", () => {
  const program = programOf(sizes, [
    ...made,
    ["pack_small", ["small"], ["p"]],
    ["repack", ["p", "large"], ["q"]],
    product,
  ]);
  expect(namesOf(inPackOrder(program))).toBe("make_small make_large pack_small repack product");
});
