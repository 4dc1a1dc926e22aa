/** SGD: the graph of its update evaluated over several steps against torch.optim.SGD, and its settings. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/core/shape.ts";
import * as nn from "../../src/nn/index.ts";
import type { NdArray } from "../../src/ops/ndarray.ts";
import * as optim from "../../src/optim/index.ts";
import { ones } from "../../src/tensor/creation.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { generate } from "../support/fixtures.ts";
import { CompiledRule } from "./compiled-rule.ts";

interface Fixture {
  readonly shape: readonly number[];
  readonly cases: readonly {
    readonly options: optim.SGDOptions;
    readonly steps: readonly {
      readonly lr: number;
      readonly parameter: readonly number[];
      readonly momentum: readonly number[] | null;
    }[];
  }[];
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/nn_sgd.json", import.meta.url), "utf8"),
) as Fixture;

const parameters = (): nn.Parameter[] => [new nn.Parameter(ones(2))];

const doubles = (name: string): Float64Array => Float64Array.from(generate(name, sizeOf(fixture.shape)));

describe("the update of SGD", () => {
  it.each(fixture.cases)("equals PyTorch's with $options", ({ options, steps }) => {
    const optimizer = new optim.SGD(parameters(), options);
    const compiled = new CompiledRule(optimizer, fixture.shape);
    const array = (data: Float64Array): NdArray => ({ shape: fixture.shape, data });
    let values = new Map([["parameter", array(doubles("sgd/parameter"))]]);
    for (const name of compiled.stateNames) values.set(name, array(new Float64Array(sizeOf(fixture.shape))));
    for (const [step, expected] of steps.entries()) {
      optimizer.lr = expected.lr;
      const scalars = Object.entries(optimizer.paramGroups[0].scalarValues(step));
      expect(scalars.map(([name]) => name)).toEqual(optimizer.paramGroups[0].rule.scalars);
      values = compiled.run(
        new Map([
          ...values,
          ["gradient", array(doubles(`sgd/gradient/${step}`))],
          ...scalars.map(([name, value]): [string, NdArray] => [
            name,
            { shape: [], data: Float64Array.of(value) },
          ]),
        ]),
      );
      for (const [i, value] of expected.parameter.entries()) {
        expect(values.get("parameter")!.data[i]).toBeCloseTo(value, 12);
      }
      for (const [i, value] of expected.momentum?.entries() ?? []) {
        expect(values.get("momentum_buffer")!.data[i]).toBeCloseTo(value, 12);
      }
    }
  });

  it("has no operation and no state that its settings do not need", () => {
    const ops = (options: optim.SGDOptions) => {
      const { ops, stateNames } = new CompiledRule(new optim.SGD(parameters(), options), fixture.shape);
      return [ops.filter((op) => op !== "constant"), stateNames];
    };
    expect(ops({})).toEqual([["mul", "sub"], []]);
    expect(ops({ dampening: 0.5 })).toEqual([["mul", "sub"], []]);
    expect(ops({ weightDecay: 0.1 })).toEqual([["mul", "add", "mul", "sub"], []]);
    expect(ops({ momentum: 0.9 })).toEqual([["mul", "add", "flush", "mul", "sub"], ["momentum_buffer"]]);
  });
});

describe("the learning rate", () => {
  it("is PyTorch's by default, and changes at any time", () => {
    expect(new optim.SGD(parameters()).lr).toBe(1e-3);
    const optimizer = new optim.SGD(parameters(), { lr: 0.1 });
    const { rule } = optimizer.paramGroups[0];
    optimizer.lr = 0.05;
    expect([optimizer.paramGroups[0].lr, optimizer.paramGroups[0].scalarValues(3)]).toEqual([
      0.05,
      { lr: 0.05 },
    ]);
    optimizer.paramGroups[0].lr = 0.01;
    expect([optimizer.lr, optimizer.paramGroups[0].scalarValues(4)]).toEqual([0.01, { lr: 0.01 }]);
    expect(optimizer.paramGroups[0].rule).toBe(rule);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])("cannot become %s", (lr) => {
    const optimizer = new optim.SGD(parameters(), { lr: 0.1 });
    const message = `the learning rate must be a finite number of at least 0, not ${lr}`;
    expect(() => {
      optimizer.lr = lr;
    }).toThrow(message);
    expect(() => {
      optimizer.paramGroups[0].lr = lr;
    }).toThrow(message);
    expect(optimizer.lr).toBe(0.1);
  });
});

describe("the settings of SGD", () => {
  it("dampen every gradient but the first", () => {
    const optimizer = new optim.SGD(parameters(), { lr: 1, momentum: 0.5, dampening: 0.25 });
    expect([0, 1, 2].map((step) => optimizer.paramGroups[0].scalarValues(step))).toEqual([
      { lr: 1, gain: 1 },
      { lr: 1, gain: 0.75 },
      { lr: 1, gain: 0.75 },
    ]);
  });

  it.each([
    [{ lr: Number.NaN }, "SGD's lr must be a finite number of at least 0, not NaN"],
    [{ lr: "0.1" as unknown as number }, 'SGD\'s lr must be a finite number of at least 0, not "0.1"'],
    [{ momentum: -0.1 }, "SGD's momentum must be a finite number of at least 0, not -0.1"],
    [{ weightDecay: -1 }, "SGD's weightDecay must be a finite number of at least 0, not -1"],
    [{ dampening: Number.POSITIVE_INFINITY }, "SGD's dampening must be a finite number, not Infinity"],
    [{ nesterov: true }, "Nesterov momentum requires a momentum and zero dampening"],
    [{ nesterov: true, momentum: 0.9, dampening: 0.1 }, "Nesterov momentum requires a momentum"],
    [
      { learningRate: 0.1 } as object,
      "SGD has no option learningRate; its options are lr, momentum, dampening, weightDecay, nesterov",
    ],
  ])("cannot be %o", (options, message) => {
    expect(() => new optim.SGD(parameters(), options)).toThrow(message);
  });

  it("belong to a list of parameters", () => {
    const [parameter] = parameters();
    expect(new optim.SGD([parameter]).parameters).toEqual([parameter]);
    expect(() => new optim.SGD([])).toThrow("optimizer got an empty parameter list");
    expect(() => new optim.SGD([parameter, parameter])).toThrow("given the same parameter twice");
    expect(() => new optim.SGD([parameter, ones(1) as Tensor as nn.Parameter])).toThrow(
      "but item 1 is not one",
    );
  });
});
