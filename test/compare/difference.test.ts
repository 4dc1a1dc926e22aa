/** What is compared when the oracle would take too long, what rounding explains, and which requests are refused. */

import { compareBackends, nn, type Tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import { backendNamed } from "../../backends/registry.ts";
import { differenceFrom } from "../../src/compare/difference.ts";
import { differenceOf, roundTo, significantBits, storedPlaces } from "../../src/compare/rounding.ts";
import { subjectOn } from "../../src/compare/subject.ts";
import { traceables, traced } from "../../src/compare/trace-model.ts";
import type { CompareOptions, Difference } from "../../src/compare/types.ts";
import { TinyNet } from "../support/nets.ts";

const loss = new nn.CrossEntropyLoss();
const TINY: CompareOptions = { inputs: [[8, 1, 8, 8]], loss };

/** Its batch is written into it. */
class Fixed extends nn.Module {
  fc = new nn.Linear(64, 4);
  override forward(x: Tensor): Tensor {
    return this.fc.forward(x.view(8, 64));
  }
}

/** The difference on js, where the oracle may be given so many operations. */
async function within(
  model: nn.Module,
  options: CompareOptions,
  budget: { usual: number; most: number },
): Promise<Difference> {
  const js = await backendNamed("js");
  const asked = traceables(model, options);
  const subject = await subjectOn(js, await traced(asked), options);
  try {
    return await differenceFrom(subject, js, asked, options, budget);
  } finally {
    await subject.dispose();
  }
}

describe("the samples that are compared", () => {
  // A step of the tiny net on one sample takes some thousands of operations.
  const all = Number.POSITIVE_INFINITY;

  test("are all of them where the oracle can do them", async () => {
    expect(await within(new TinyNet(), TINY, { usual: 1e9, most: all })).toMatchObject({
      checked: true,
      batchSize: 8,
    });
  });

  test("are fewer where it can not, and two at least", async () => {
    const few = await within(new TinyNet(), TINY, { usual: 1, most: all });
    expect(few).toMatchObject({ checked: true, batchSize: 2, first: null });
    const one: CompareOptions = { ...TINY, inputs: [[1, 1, 8, 8]] };
    expect(await within(new TinyNet(), one, { usual: 1, most: all })).toMatchObject({
      checked: true,
      batchSize: 1,
    });
  });

  test("are none where even two are too many, and that is said", async () => {
    const { checked, reason } = (await within(new TinyNet(), TINY, { usual: 1, most: 1 })) as {
      checked: boolean;
      reason: string;
    };
    expect(checked).toBe(false);
    expect(reason).toMatch(/^a batch of 2 takes [\d.]+ k?FLOP, too many for the oracle$/);
  });

  test("are none where the model takes no other batch, and that is said", async () => {
    const difference = await within(new Fixed(), TINY, { usual: 1, most: all });
    expect(difference).toMatchObject({
      checked: false,
      reason: expect.stringMatching(
        /^a batch of 8 is too much for the oracle, and the model takes no batch of 2: .*view/,
      ),
    });
    expect(await within(new Fixed(), TINY, { usual: 1e9, most: all })).toMatchObject({ checked: true });
  });
});

describe("rounding", () => {
  const floats = (
    actual: number[],
    expected: number[],
    rounded = expected,
  ): ReturnType<typeof differenceOf> => differenceOf("float32", { actual, expected, rounded }, 1e-6);

  test("to bits is that of float32 for 24 of them", () => {
    const values = [1 / 3, -1e-20, 12345.678, 0, Number.POSITIVE_INFINITY, 1 + 2 ** -24 + 2 ** -40];
    const data = Float64Array.from(values);
    roundTo(24, data);
    expect([...data]).toEqual(values.map(Math.fround));
  });

  test("keeps as many bits as the worst kernel is good to", () => {
    expect(significantBits([2 ** -22, 2 ** -20])).toBe(20);
    expect(significantBits([])).toBe(24);
  });

  test("explains a few units of the largest number", () => {
    expect(floats([1, 0.5], [1, 0.5])).toEqual({ difference: 0, allowed: 8e-6, elements: 2, beyond: 0 });
    const beyond = floats([2, 0.5], [2, 0.5 + 1e-3]);
    expect(beyond.difference).toBeCloseTo(5e-4, 9);
    expect(beyond.beyond).toBe(1);
  });

  test("explains what it comes to further on: where numbers cancel it may be everything", () => {
    const { difference, allowed } = floats([1e-8], [1e-17], [-3e-9]);
    expect(difference).toBeGreaterThan(1);
    expect(allowed).toBeGreaterThan(difference);
  });

  test("explains no NaN, no infinity, and nothing where the oracle has zeros", () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(floats([wrong, 1], [1, 1])).toMatchObject({ difference: Number.MAX_VALUE });
      expect(floats([wrong, 1], [wrong, 1])).toMatchObject({ difference: 0 });
    }
    const zeros = floats([1e-20], [0]);
    expect(zeros.difference).toBeGreaterThan(zeros.allowed);
  });

  test("explains one decision, or one in a thousand", () => {
    const zeros = new Array<number>(2000).fill(0);
    const changed = (count: number): number[] => zeros.map((_, k) => (k < count ? 1 : 0));
    const decided = (count: number): ReturnType<typeof differenceOf> =>
      differenceOf("uint8", { actual: changed(count), expected: zeros, rounded: zeros }, 1e-6);
    expect(decided(2)).toEqual({ difference: 1e-3, allowed: 1e-3, elements: 2000, beyond: 0 });
    expect(decided(3).difference).toBeGreaterThan(decided(3).allowed);
  });

  test("looks at places of scratch alone that were stored", () => {
    const runs = { actual: [7, 1], expected: [Number.NaN, 1], rounded: [Number.NaN, 1] };
    expect(storedPlaces(runs)).toEqual({ actual: [1], expected: [1], rounded: [1] });
  });
});

describe("compareBackends refuses", () => {
  test.each<[string, CompareOptions, RegExp]>([
    [
      "backends that there are not",
      { ...TINY, backends: ["js", "jss" as never] },
      /there is no backend "jss"/,
    ],
    [
      "backends that cannot run",
      { ...TINY, backends: ["gpujs:webgl2"] },
      /gpujs:webgl2 cannot run here: it needs/,
    ],
    ["no backends", { ...TINY, backends: [] }, /backends must name at least one/],
    ["a backend twice", { ...TINY, backends: ["js", "wasm", "js"] }, /backends names js twice/],
    ["threads that are not available", { ...TINY, backends: ["js"], threads: 2 }, /js.*thread/],
    ["a step without a loss", { inputs: TINY.inputs, mode: "training" }, /a training step needs a loss/],
    ["targets without a loss", { inputs: TINY.inputs, targets: [[8]] }, /targets belongs to a training step/],
    ["no inputs", { inputs: [] }, /inputs must hold at least one shape/],
    ["an input without a batch", { ...TINY, inputs: [[]] }, /must have a batch/],
    ["half a batch", { ...TINY, batchSize: 0.5 }, /batchSize must be a whole number of at least 1, not 0.5/],
    ["no time", { ...TINY, milliseconds: 0 }, /milliseconds must be a positive number, not 0/],
    [
      "shapes that do not fit",
      { ...TINY, inputs: [[8, 2, 8, 8]] },
      /conv2d expects 1 input channels .* but got 2/,
    ],
  ])("%s", async (_, options, message) => {
    await expect(compareBackends(new TinyNet(), options)).rejects.toThrow(message);
  });

  test("with the KilnError that names the step, when the loss does not stay finite", async () => {
    class Exploding extends nn.Module {
      fc = new nn.Linear(2, 3);
      override forward(x: Tensor): Tensor {
        return this.fc.forward(x).mul(1e30).mul(1e30);
      }
    }
    const options: CompareOptions = {
      inputs: [[2, 2]],
      loss: new nn.MSELoss(),
      backends: ["js"],
      milliseconds: 5,
    };
    await expect(compareBackends(new Exploding(), options)).rejects.toThrow(/the loss of step 1 is/);
  });
});
