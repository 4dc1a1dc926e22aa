/** What all optimizers but SGD promise of their settings: PyTorch's defaults, no needless work, clear refusals. */

import { describe, expect, it } from "vitest";
import { KilnError } from "../../src/core/errors.ts";
import * as nn from "../../src/nn/index.ts";
import * as optim from "../../src/optim/index.ts";
import { ones } from "../../src/tensor/creation.ts";
import { CompiledRule } from "./compiled-rule.ts";

const parameters = (): nn.Parameter[] => [new nn.Parameter(ones(2))];

/** The operations and the states of an update. */
function partsOf(optimizer: optim.Optimizer): [string, readonly string[]] {
  const { ops, stateNames } = new CompiledRule(optimizer, [2]);
  return [ops.filter((op) => op !== "constant").join(" "), stateNames];
}

describe("the defaults are PyTorch's", () => {
  it.each([
    [
      new optim.Adam(parameters()),
      { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false },
    ],
    [
      new optim.AdamW(parameters()),
      { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01, amsgrad: false },
    ],
    [
      new optim.RMSprop(parameters()),
      { lr: 0.01, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: false },
    ],
    [
      new optim.Adagrad(parameters()),
      { lr: 0.01, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 },
    ],
    [new optim.Adadelta(parameters()), { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0 }],
    [new optim.Adamax(parameters()), { lr: 2e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 }],
    [
      new optim.NAdam(parameters()),
      {
        lr: 2e-3,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weightDecay: 0,
        momentumDecay: 4e-3,
        decoupledWeightDecay: false,
      },
    ],
  ])("%s", (optimizer, settings) => {
    expect(optimizer.paramGroups[0]).toMatchObject(settings);
  });
});

describe("an update has no operation and no state that its settings do not need", () => {
  const moments = "sub mul add flush flush mul mul mul add flush";
  it.each<[string, optim.Optimizer, string, readonly string[]]>([
    ["Adam", new optim.Adam(parameters()), `${moments} sqrt add div mul sub`, ["exp_avg", "exp_avg_sq"]],
    [
      "Adam with amsgrad",
      new optim.Adam(parameters(), { amsgrad: true }),
      `${moments} maximum sqrt add div mul sub`,
      ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
    ],
    [
      "AdamW without decay",
      new optim.AdamW(parameters(), { weightDecay: 0 }),
      `${moments} sqrt add div mul sub`,
      ["exp_avg", "exp_avg_sq"],
    ],
    [
      "RMSprop",
      new optim.RMSprop(parameters()),
      "flush mul mul mul add flush sqrt add div mul sub",
      ["square_avg"],
    ],
    [
      "RMSprop with everything",
      new optim.RMSprop(parameters(), { momentum: 0.5, centered: true }),
      "mul mul mul add sub mul add mul sub sqrt add div mul add flush mul sub",
      ["square_avg", "grad_avg", "momentum_buffer"],
    ],
    ["Adagrad", new optim.Adagrad(parameters()), "mul add sqrt add div mul sub", ["sum"]],
    [
      "Adadelta",
      new optim.Adadelta(parameters()),
      "flush mul mul mul add flush add sqrt add sqrt div mul flush mul mul mul add flush mul sub",
      ["square_avg", "acc_delta"],
    ],
    [
      "Adamax",
      new optim.Adamax(parameters()),
      "sub mul add flush abs add mul maximum div mul sub",
      ["exp_avg", "exp_inf"],
    ],
    [
      "NAdam",
      new optim.NAdam(parameters()),
      `${moments} mul mul add sqrt add div sub`,
      ["exp_avg", "exp_avg_sq"],
    ],
  ])("%s", (_, optimizer, ops, states) => {
    expect(partsOf(optimizer)).toEqual([ops, states]);
  });
});

describe("the scalars of a step", () => {
  it.each<[string, optim.Optimizer]>([
    ["Adam", new optim.Adam(parameters())],
    ["AdamW", new optim.AdamW(parameters())],
    ["RMSprop", new optim.RMSprop(parameters())],
    ["Adagrad", new optim.Adagrad(parameters(), { lrDecay: 0.1, initialAccumulatorValue: 1 })],
    ["Adadelta", new optim.Adadelta(parameters())],
    ["Adamax", new optim.Adamax(parameters())],
    ["NAdam", new optim.NAdam(parameters(), { weightDecay: 0.1, decoupledWeightDecay: true })],
  ])("of %s are the same whenever they are asked for, and follow the learning rate", (_, optimizer) => {
    const { rule } = optimizer.paramGroups[0];
    const inOrder = [0, 1, 2, 3].map((step) => optimizer.paramGroups[0].scalarValues(step));
    expect(Object.keys(inOrder[0])).toEqual(rule.scalars);
    expect([3, 2, 1, 0].map((step) => optimizer.paramGroups[0].scalarValues(step)).reverse()).toEqual(
      inOrder,
    );
    optimizer.lr *= 2;
    expect(optimizer.paramGroups[0].scalarValues(2)).not.toEqual(inOrder[2]);
    expect(optimizer.paramGroups[0].rule).toBe(rule);
  });

  it("of Adagrad bring the initial value in once", () => {
    const optimizer = new optim.Adagrad(parameters(), { lr: 1, lrDecay: 0.5, initialAccumulatorValue: 3 });
    expect([0, 1, 2].map((step) => optimizer.paramGroups[0].scalarValues(step))).toEqual([
      { lr: 1, entering: 3 },
      { lr: 1 / 1.5, entering: 0 },
      { lr: 0.5, entering: 0 },
    ]);
  });
});

describe("settings cannot", () => {
  const BETAS = "betas must be two numbers of at least 0 and below 1, not";
  it.each<[string, (p: nn.Parameter[]) => unknown, string]>([
    ["have a beta of 1", (p) => new optim.Adam(p, { betas: [0.9, 1] }), `Adam's ${BETAS} [0.9,1]`],
    [
      "have a negative beta",
      (p) => new optim.AdamW(p, { betas: [-0.1, 0.9] }),
      `AdamW's ${BETAS} [-0.1,0.9]`,
    ],
    ["have one beta", (p) => new optim.NAdam(p, { betas: 0.9 as never }), `NAdam's ${BETAS} 0.9`],
    [
      "have three betas",
      (p) => new optim.Adamax(p, { betas: [0, 0, 0] as never }),
      `Adamax's ${BETAS} [0,0,0]`,
    ],
    [
      "have a negative eps",
      (p) => new optim.Adam(p, { eps: -1 }),
      "Adam's eps must be a finite number of at least 0",
    ],
    ["have a negative rate", (p) => new optim.RMSprop(p, { lr: -1 }), "RMSprop's lr must be a finite number"],
    ["have a negative alpha", (p) => new optim.RMSprop(p, { alpha: -1 }), "RMSprop's alpha must be a finite"],
    [
      "have a word for a flag",
      (p) => new optim.RMSprop(p, { centered: "yes" as never }),
      "must be true or false",
    ],
    [
      "have rho above 1",
      (p) => new optim.Adadelta(p, { rho: 1.5 }),
      "Adadelta's rho must be at most 1, not 1.5",
    ],
    [
      "start below 0",
      (p) => new optim.Adagrad(p, { initialAccumulatorValue: -1 }),
      "Adagrad's initialAccumulatorValue must be a finite number of at least 0",
    ],
    [
      "be written as in Python",
      (p) => new optim.NAdam(p, { weight_decay: 1 } as object),
      "has no option weight_decay",
    ],
  ])("%s", (_, make, message) => {
    expect(() => make(parameters())).toThrow(message);
  });
});

describe("an optimizer is given", () => {
  const net = new nn.Linear(2, 2);
  const chain = new nn.Sequential(net);
  it.each<[string, () => unknown, string]>([
    ["a module", () => new optim.SGD(net as never), "not the module Linear: write net.parameters()"],
    ["a module that can be iterated", () => new optim.SGD(chain as never), "not the module Sequential"],
    ["one parameter", () => new optim.SGD(net.weight as never), "write [parameter] for a single one"],
    ["nothing", () => new optim.SGD(undefined as never), "such as net.parameters(), not undefined"],
    [
      "a rate",
      () => new optim.SGD(net.parameters(), 0.5 as never),
      "SGD takes its options by name: write { lr: 0.5 }",
    ],
    ["null", () => new optim.Adam(net.parameters(), null as never), "write { lr: 0.1 }, not null"],
    ["a group of a module", () => new optim.SGD([{ params: net as never }]), "not the module Linear"],
    [
      "a mistyped name",
      () => new optim.SGD(net.parameters(), { momentun: 1 } as never),
      "SGD has no option momentun",
    ],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(KilnError);
  });
});
