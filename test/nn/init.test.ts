/** Initial values: PyTorch's bounds, an even spread, and the same numbers from the same seed. */

import { tensor as fromNumbers, type Tensor, zeros } from "kiln-js";
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
  it("passes channels on by dirac_, in groups too, as PyTorch does", async () => {
    const weight = nn.init.dirac_(zeros(4, 3, 3), 2);
    const ones = [...(await weight.data())].flatMap((value, k) => (value === 1 ? [k] : []));
    expect(ones).toEqual([1, 13, 19, 31]);
    const plane = await nn.init.dirac_(zeros(1, 2, 2, 3)).data();
    expect([...plane]).toEqual([0, 0, 0, 0, 1, 0, ...Array(6).fill(0)]);
    expect(() => nn.init.dirac_(zeros(4, 3, 3), 3)).toThrow("groups must divide the 4 outputs, not be 3");
    expect(() => nn.init.dirac_(zeros(4, 3))).toThrow("dirac_ fills the weight of a convolution");
  });

  it("leaves the same number of zeros in each column by sparse_", async () => {
    const values = await nn.init.sparse_(zeros(10, 4), 0.25, { std: 2 }).data();
    const columns = [0, 1, 2, 3].map((column) => values.filter((_, k) => k % 4 === column));
    expect(columns.map((column) => column.filter((value) => value === 0).length)).toEqual([3, 3, 3, 3]);
    const patterns = columns.map((column) => String(column.map((value) => Number(value === 0))));
    expect(new Set(patterns).size).toBeGreaterThan(1);
    expect(() => nn.init.sparse_(zeros(4, 3), 2)).toThrow("sparsity is a part of 1, not 2");
  });

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

/** Mean, standard deviation and bounds of a tensor that an initialiser has filled. */
async function statisticsOf(tensor: Tensor) {
  const values = [...(await tensor.data())];
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  return { mean, std: Math.sqrt(variance), least, most };
}

/** Of 30000 numbers the mean is off by 0.6 % of the deviation, as a rule; the deviation by less. */
const SPREAD = 0.03;

const weight = (...shape: number[]): Tensor => zeros(shape);

describe("PyTorch's functions in place", () => {
  const [rows, columns] = [100, 300];
  const xavier = Math.sqrt(2 / (rows + columns));

  it.each<[string, (t: Tensor) => Tensor, number, number]>([
    ["uniform_", (t) => nn.init.uniform_(t), 0.5, 1 / Math.sqrt(12)],
    ["uniform_ in bounds", (t) => nn.init.uniform_(t, { a: -3, b: 1 }), -1, 4 / Math.sqrt(12)],
    ["normal_", (t) => nn.init.normal_(t), 0, 1],
    ["normal_ elsewhere", (t) => nn.init.normal_(t, 2, 0.1), 2, 0.1],
    ["xavierUniform_", (t) => nn.init.xavierUniform_(t), 0, xavier],
    ["xavierUniform_ with gain", (t) => nn.init.xavierUniform_(t, { gain: 2 }), 0, 2 * xavier],
    ["xavierNormal_", (t) => nn.init.xavierNormal_(t), 0, xavier],
    ["xavierNormal_ with gain", (t) => nn.init.xavierNormal_(t, 0.5), 0, xavier / 2],
    ["kaimingUniform_", (t) => nn.init.kaimingUniform_(t), 0, Math.sqrt(2 / columns)],
    ["kaimingUniform_ with slope", (t) => nn.init.kaimingUniform_(t, 1), 0, Math.sqrt(1 / columns)],
    [
      "kaimingNormal_",
      (t) => nn.init.kaimingNormal_(t, { mode: "fan_out", nonlinearity: "relu" }),
      0,
      Math.sqrt(2 / rows),
    ],
    [
      "kaimingNormal_ of tanh",
      (t) => nn.init.kaimingNormal_(t, 0, "fan_in", "tanh"),
      0,
      5 / 3 / Math.sqrt(columns),
    ],
    // The deviation of a normal distribution cut at ±2: √(1 - 4·φ(2) / (2·Φ(2) - 1)).
    ["truncNormal_", (t) => nn.init.truncNormal_(t), 0, 0.8796],
    // Far out in the tail: mean φ(3)/(1 - Φ(3)), variance 1 + 3·mean - mean².
    ["truncNormal_ of a tail", (t) => nn.init.truncNormal_(t, 0, 1, 3, 100), 3.2831, 0.2659],
  ])("%s has the mean and the deviation it promises", async (_, initialize, mean, std) => {
    const tensor = weight(rows, columns);
    expect(initialize(tensor)).toBe(tensor);
    const found = await statisticsOf(tensor);
    expect(Math.abs(found.mean - mean) / std).toBeLessThan(SPREAD);
    expect(Math.abs(found.std / std - 1)).toBeLessThan(SPREAD);
  });

  it("keep their bounds, and reach them", async () => {
    const uniform = await statisticsOf(nn.init.uniform_(weight(30000), -2, 3));
    expect(uniform.least).toBeGreaterThanOrEqual(-2);
    expect(uniform.most).toBeLessThan(3);
    expect([uniform.least, uniform.most].map((v) => Math.round(v * 100) / 100)).toEqual([-2, 3]);
    const xavier = await statisticsOf(nn.init.xavierUniform_(weight(100, 200)));
    expect(xavier.most).toBeLessThanOrEqual(Math.sqrt(6 / 300));
    expect(xavier.most).toBeGreaterThan(Math.sqrt(6 / 300) * 0.99);
    const cut = await statisticsOf(nn.init.truncNormal_(weight(30000), 1, 2, { a: 0, b: 2 }));
    expect(cut.least).toBeGreaterThanOrEqual(0);
    expect(cut.most).toBeLessThanOrEqual(2);
    expect(cut.most - cut.least).toBeGreaterThan(1.99);
  });

  it("fill with constants", async () => {
    expect(await nn.init.constant_(weight(2), 0.5).array()).toEqual([0.5, 0.5]);
    expect(await nn.init.ones_(weight(2)).array()).toEqual([1, 1]);
    expect(await nn.init.zeros_(nn.init.ones_(weight(2))).array()).toEqual([0, 0]);
    expect(await nn.init.eye_(weight(2, 3)).array()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
  });

  it("change a layer's parameter, and only its numbers", async () => {
    const layer = new nn.Linear(2, 2);
    const { weight: before } = layer;
    nn.init.eye_(layer.weight);
    nn.init.constant_(layer.bias!, 1);
    expect(layer.weight).toBe(before);
    expect(layer.weight.requiresGrad).toBe(true);
    expect(await layer.forward(fromNumbers([[3, 4]])).array()).toEqual([[4, 5]]);
  });

  it.each([
    [4, 9, 2],
    [9, 4, 1],
    [5, 5, 1],
  ])("orthogonal_ makes the fewer vectors of %i×%i orthogonal, of length %d", async (m, n, gain) => {
    const matrix = nn.init.orthogonal_(weight(m, n), { gain });
    const product = m < n ? matrix.matmul(matrix.t()) : matrix.t().matmul(matrix);
    const data = await product.data();
    const k = Math.min(m, n);
    for (let i = 0; i < k * k; i++) {
      // Float32 rounds each of the numbers and each product of two: a few units in the last place.
      expect(Math.abs(data[i] - (i % (k + 1) === 0 ? gain * gain : 0))).toBeLessThan(1e-6);
    }
  });

  it("orthogonal_ joins the axes behind the first", async () => {
    const flat = nn.init.orthogonal_(weight(3, 2, 2)).reshape(3, 4);
    const [[a, b]] = (await flat.matmul(flat.t()).array()) as number[][];
    expect(a).toBeCloseTo(1, 5);
    expect(b).toBeCloseTo(0, 5);
  });

  it("calculateGain knows what PyTorch recommends", () => {
    const gains = ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"] as const;
    const found = gains.map((name) => nn.init.calculateGain(name));
    const expected = [1, 1, 1, 5 / 3, Math.SQRT2, Math.sqrt(2 / 1.0001), 0.75];
    for (const [k, gain] of expected.entries()) expect(found[k]).toBeCloseTo(gain, 12);
    expect(nn.init.calculateGain("leaky_relu", 2)).toBeCloseTo(Math.sqrt(0.4), 12);
  });

  it("follow the seed", async () => {
    manualSeed(7);
    const first = await nn.init.truncNormal_(weight(9)).data();
    manualSeed(7);
    expect(await nn.init.truncNormal_(weight(9)).data()).toEqual(first);
  });

  it.each<[string, () => unknown, string]>([
    [
      "fans of a vector",
      () => nn.init.xavierNormal_(weight(3)),
      "need a weight of two dimensions or more, not [3]",
    ],
    [
      "a mode",
      () => nn.init.kaimingNormal_(weight(3, 3), 0, "fan" as never),
      "mode must be one of fan_in, fan_out",
    ],
    ["a nonlinearity", () => nn.init.calculateGain("gelu" as never), "calculateGain knows linear, conv1d"],
    ["an identity of a vector", () => nn.init.eye_(weight(3)), "eye_ fills a matrix, not [3]"],
    ["an orthogonal vector", () => nn.init.orthogonal_(weight(3)), "two dimensions or more, not [3]"],
    ["whole numbers", () => nn.init.ones_(fromNumbers(new Int32Array(3))), "ones_ fills a float32 tensor"],
    [
      "empty bounds",
      () => nn.init.truncNormal_(weight(3), 0, 1, 2, 2),
      "bounds a < b, but std is 1, a is 2 and b is 2",
    ],
    [
      "a deviation",
      () => nn.init.normal_(weight(3), 0, -1),
      "std must be a finite number of at least 0, not -1",
    ],
  ])("refuse %s", (_, initialize, message) => {
    expect(initialize).toThrow(message);
  });
});
