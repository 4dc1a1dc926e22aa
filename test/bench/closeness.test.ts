/** Peers that do the same work are told from those that do not. */

import { describe, expect, test } from "vitest";
import { closeness, isSame } from "../../bench/src/closeness.ts";
import { decodeTensor, encodeTensor, type Proof } from "../../bench/src/protocol.ts";

const INITIAL = new Map([["weight", Float32Array.of(1, -2, 0.5)]]);
const TRAINED = [1.01, -2.02, 0.51];

const proof = (losses: readonly number[], weight: readonly number[]): Proof => ({
  msPerStep: 1,
  losses,
  tensors: { weight: encodeTensor(weight) },
});
const FIRST = proof([2.3, 2.2], TRAINED);

describe("closeness", () => {
  test("tensors travel bit by bit", () => {
    const values = Float32Array.of(0.1, -0, 1e-40, Number.POSITIVE_INFINITY);
    expect(decodeTensor(encodeTensor(values))).toEqual(values);
  });

  test("a peer equals itself", () => {
    expect(closeness(FIRST, FIRST, INITIAL)).toEqual({ losses: 0, tensors: 0, changes: 0, worst: "weight" });
  });

  test("differences are over the largest value and over the largest change", () => {
    const found = closeness(proof([2.3, 2.2 * 1.01], [1.01, -2.0201, 0.51]), FIRST, INITIAL);
    expect(found.losses).toBeCloseTo(0.01, 6);
    // The last digits of float32 at 2 are 2e-7: 2e-3 of the difference of 1e-4.
    expect(found.tensors / (1e-4 / 2.02)).toBeCloseTo(1, 2);
    expect(found.changes / (1e-4 / 0.02)).toBeCloseTo(1, 2);
  });

  test("a peer whose last update is missing is found by the change, although its values are close", () => {
    const missing = closeness(proof([2.3, 2.2], [1.008, -2.016, 0.508]), FIRST, INITIAL);
    expect(missing.losses).toBe(0);
    expect(missing.changes).toBeCloseTo(0.2, 4);
    expect(isSame(missing, "lenet5", "training")).toBe(false);
  });

  test("rounding is forgiven", () => {
    const rounded = TRAINED.map((value) => value * (1 + 1e-7));
    expect(isSame(closeness(proof([2.3000001, 2.2], rounded), FIRST, INITIAL), "lenet5", "training")).toBe(
      true,
    );
  });

  test("what is not a number is as far off as can be", () => {
    const found = closeness(proof([Number.NaN, 2.2], [Number.NaN, -2.02, 0.51]), FIRST, INITIAL);
    expect(found).toMatchObject({ losses: Infinity, tensors: Infinity, changes: Infinity });
    expect(isSame(found, "lenet5", "training")).toBe(false);
  });

  test("without parameters of the start, outputs are compared by their values", () => {
    const [own, first] = [
      [1, 2.02],
      [1, 2],
    ].map((output) => ({
      msPerStep: 1,
      losses: [],
      tensors: { "output 0": encodeTensor(output) },
    }));
    const found = closeness(own, first, new Map());
    expect(found.tensors).toBeCloseTo(0.01, 6);
    expect(found.changes).toBe(found.tensors);
  });

  test("proofs of different tensors cannot be compared", () => {
    const other = { ...FIRST, tensors: { bias: encodeTensor([1]) } };
    expect(() => closeness(other, FIRST, INITIAL)).toThrow("the proof lacks weight");
    expect(() => closeness(proof([2.3, 2.2], [1]), FIRST, INITIAL)).toThrow("weight has 1 values, not 3");
  });
});

test("of a deep model's training the losses tell, and parameters may differ by rounding that has grown", () => {
  const grown = { losses: 2e-3, tensors: 0.1, changes: 0.3, worst: "conv1.weight" };
  expect(isSame(grown, "resnet18", "training")).toBe(true);
  expect(isSame({ ...grown, losses: 1e-2 }, "resnet18", "training")).toBe(false);
  expect(isSame(grown, "resnet18", "inference")).toBe(false);
  expect(isSame(grown, "lenet5", "training")).toBe(false);
});
