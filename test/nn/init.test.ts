/** Initial values: PyTorch's bounds, an even spread, and the same numbers from the same seed. */

import { beforeEach, describe, expect, it } from "vitest";
import { initialParameter } from "../../src/nn/default-init.ts";
import * as nn from "../../src/nn/index.ts";
import { manualSeed } from "../../src/tensor/random.ts";

beforeEach(() => manualSeed(0));

async function spreadOf(
  parameter: nn.Parameter | undefined,
): Promise<{ largest: number; deviation: number }> {
  const values = [...(await parameter!.data())];
  return {
    largest: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0),
    deviation: Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length),
  };
}

describe("default initialisation", () => {
  it.each([
    ["Linear", () => new nn.Linear(400, 1200), 400],
    ["Conv2d", () => new nn.Conv2d(16, 300, 5), 16 * 25],
    ["Conv2d in groups", () => new nn.Conv2d(64, 640, 3, { groups: 4 }), 16 * 9],
  ])("of %s fills ±1/√fanIn evenly", async (_, construct, fanIn) => {
    const bound = 1 / Math.sqrt(fanIn);
    const layer = construct();
    for (const parameter of [layer.weight, layer.bias]) {
      const { largest, deviation } = await spreadOf(parameter);
      expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
      expect(largest).toBeGreaterThan(bound * 0.98);
      expect(Math.abs(deviation / (bound / Math.sqrt(3)) - 1)).toBeLessThan(0.05);
    }
  });

  it("is decided by the seed and the order of construction", async () => {
    const draw = async () => [...(await new nn.Linear(3, 4).weight.data())];
    const [first, second] = [await draw(), await draw()];
    expect(second).not.toEqual(first);
    manualSeed(0);
    expect(await draw()).toEqual(first);
    manualSeed(1);
    expect(await draw()).not.toEqual(first);
  });
});

describe("nn.init", () => {
  it("counts what flows in and out", () => {
    expect(nn.init.fanInAndFanOut([6, 3, 5, 4])).toEqual({ fanIn: 60, fanOut: 120 });
    expect(nn.init.fanInAndFanOut([10, 7])).toEqual({ fanIn: 7, fanOut: 10 });
    expect(() => nn.init.fanInAndFanOut([3])).toThrow("need a weight of two dimensions or more, not [3]");
  });

  it("bounds He's initialisation by the gain of the leaky ReLU behind it", () => {
    expect(nn.init.kaimingUniformBound([1, 6], 0)).toBeCloseTo(1, 12);
    expect(nn.init.kaimingUniformBound([1, 25], Math.sqrt(5))).toBeCloseTo(0.2, 12);
  });

  it("makes parameters of an initialiser", async () => {
    const { largest } = await spreadOf(initialParameter([50, 6], nn.init.kaimingUniform()));
    expect(largest).toBeGreaterThan(0.95);
    const parameter = initialParameter([200], nn.init.uniform(2, 3));
    expect(Math.min(...(await parameter.data()))).toBeGreaterThanOrEqual(2);
    expect(nn.isParameter(parameter)).toBe(true);
  });
});
