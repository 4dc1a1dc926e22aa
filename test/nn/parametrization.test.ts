/** Parametrisations: keys, printed text, interactive use, removal, and what they refuse; parameters as one vector. */

import { nn, type Tensor, tensor } from "kiln-js";
import { describe, expect, it } from "vitest";

const { weightNorm, spectralNorm } = nn.utils.parametrizations;
const { isParametrized, registerParametrization, removeParametrizations } = nn.utils.parametrize;

/** A symmetric weight, from the triangle of what is learned. */
class Symmetric extends nn.Module {
  forward(x: Tensor): Tensor {
    return x.add(x.t()).mul(0.5);
  }
}

const numbers = async (t: Tensor): Promise<number[]> => [...(await t.data())];

describe("a parametrised layer", () => {
  it("has PyTorch's keys and a value that is what it was", async () => {
    const layer = new nn.Linear(3, 2);
    const before = await numbers(layer.weight);
    weightNorm(layer);
    expect(Object.keys(layer.stateDict())).toEqual([
      "bias",
      "parametrizations.weight.original0",
      "parametrizations.weight.original1",
    ]);
    expect(layer.stateDict()["parametrizations.weight.original0"].shape).toEqual([2, 1]);
    const after = await numbers(layer.weight);
    for (const [k, value] of before.entries()) expect(after[k]).toBeCloseTo(value, 6);
    expect(isParametrized(layer, "weight")).toBe(true);
    expect(isParametrized(layer, "bias")).toBe(false);
    expect(layer).toBeInstanceOf(nn.Linear);
  });

  it("has a largest singular value of 1 under spectral norm", async () => {
    const layer = spectralNorm(new nn.Linear(2, 2, false)).eval();
    const [a, b, c, d] = await numbers(layer.weight);
    const [trace, determinant] = [a * a + b * b + c * c + d * d, a * d - b * c];
    const largest = Math.sqrt((trace + Math.sqrt(trace * trace - 4 * determinant * determinant)) / 2);
    // Fifteen iterations err with the 30th power of the quotient of the two singular values.
    expect(largest).toBeCloseTo(1, 2);
  });

  it("is differentiated interactively", async () => {
    const layer = registerParametrization(new nn.Linear(2, 2, false), "weight", new Symmetric());
    const original = layer.stateDict()["parametrizations.weight.original"];
    layer
      .forward(tensor([[1, 2]]))
      .sum()
      .backward();
    // The weight's gradient is [[1,2],[1,2]]; each half of the two off the diagonal goes to both.
    expect(await numbers(original.grad as Tensor)).toEqual([1, 1.5, 1.5, 2]);
  });

  it("becomes an ordinary one again", async () => {
    const layer = weightNorm(new nn.Linear(2, 2));
    const value = await numbers(layer.weight);
    removeParametrizations(layer, "weight");
    expect(String(layer)).toBe("Linear(in_features=2, out_features=2, bias=True)");
    expect(Object.keys(layer.stateDict()).sort()).toEqual(["bias", "weight"]);
    expect(await numbers(layer.weight)).toEqual(value);
    const first = registerParametrization(new nn.Linear(2, 2), "weight", new Symmetric());
    const original = first.stateDict()["parametrizations.weight.original"];
    removeParametrizations(first, "weight", { leaveParametrized: false });
    expect(first.weight).toBe(original);
  });

  it.each([
    ["once more", () => weightNorm(weightNorm(new nn.Linear(2, 2))), /weight is parametrised already/],
    ["without the parameter", () => weightNorm(new nn.ReLU()), /ReLU has no parameter weight/],
    [
      "when assigned to",
      () => Object.assign(weightNorm(new nn.Linear(2, 2)), { weight: 1 }),
      /computed by a param/,
    ],
    [
      "when removed twice",
      () => removeParametrizations(new nn.Linear(2, 2), "weight"),
      /weight is not parametrised/,
    ],
    ["of an axis that is none", () => weightNorm(new nn.Linear(2, 2), { dim: 2 }), /2/],
  ])("refuses %s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("parameters as one vector", () => {
  it("go there and back", async () => {
    const layer = new nn.Linear(2, 1);
    const vector = nn.utils.parametersToVector(layer.parameters());
    expect(await numbers(vector)).toEqual([
      ...(await numbers(layer.weight)),
      ...(await numbers(layer.bias!)),
    ]);
    nn.utils.vectorToParameters(tensor([1, 2, 3]), layer.parameters());
    expect(await numbers(layer.weight)).toEqual([1, 2]);
    expect(await numbers(layer.bias!)).toEqual([3]);
    expect(() => nn.utils.vectorToParameters(tensor([1]), layer.parameters())).toThrow(
      /a vector of 3 elements/,
    );
    expect(() => nn.utils.parametersToVector([])).toThrow(/at least one parameter/);
  });
});
