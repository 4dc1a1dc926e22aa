/** Every activation against PyTorch: printed text, outputs and gradients; then NaN, named arguments and errors. */

import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { interpret } from "../../backends/interpret/backend.ts";
import { js } from "../../backends/js/backend.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { KilnError } from "../../src/core/errors.ts";
import { compileTraining, F, nn, optim, type Tensor, tensor, zeros } from "../../src/index.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { traceLoss, traceModel } from "../../src/trace/trace.ts";
import { ACTIVATIONS } from "../support/activations.ts";
import { generate, sizeOf } from "../support/fixtures.ts";
import { relativeError, runGraph } from "../support/run-graph.ts";

type Range = "near" | "far";

interface Run {
  readonly output: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

interface Case {
  readonly name: string;
  readonly text: string;
  readonly runs: Readonly<Record<Range, Run>>;
}

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/nn_activation.json", import.meta.url), "utf8"),
) as {
  readonly inputs: Readonly<Record<Range, readonly number[]>>;
  readonly texts: Readonly<Record<string, string>>;
  readonly modules: readonly Case[];
};

const SHAPE = [2, 3, 4];
const TYPE = { dtype: "float32", shape: SHAPE } as const;

/** Its input is a parameter, so that it is differentiated for like a weight. */
class Probe extends nn.Module {
  x = new nn.Parameter(zeros(SHAPE));
  activation: nn.Module;

  constructor(activation: nn.Module) {
    super();
    this.activation = activation;
  }

  forward(): Tensor {
    return this.activation.forward(this.x) as Tensor;
  }
}

/** `Σ output·cotangent`, which makes the cotangent arrive at the output. */
class Weighted extends nn.Module {
  targetType(): typeof TYPE {
    return TYPE;
  }

  forward(output: Tensor, cotangent: Tensor): Tensor {
    return output.mul(cotangent).sum();
  }
}

/** The values a probe's graph reads: its input and what its activation learned. */
async function valuesOf(probe: Probe, x: readonly number[]): Promise<Record<string, TypedArray>> {
  const values: Record<string, TypedArray> = {};
  for (const [name, parameter] of probe.namedParameters()) values[name] = await parameter.data();
  return { ...values, x: Float32Array.from(x) };
}

/**
 * PyTorch's numbers are those of float64. A backend stores float32 between kernels, and a float32 one rounds every
 * step of the longest chain (GELU's tanh form with its gradient, some twenty steps of at most 6e-8 each): 2e-6.
 */
const TOLERANCE = 2e-6;

describe.each([interpret, js])("on $name", (backend) => {
  describe.each(fixture.modules)("$name", ({ name, runs }) => {
    test.each(["near", "far"] as const)(
      "computes PyTorch's output and gradients, inputs %s",
      async (range) => {
        const probe = new Probe(ACTIVATIONS[name]());
        const values = await valuesOf(probe, fixture.inputs[range]);
        const forward = await runGraph(traceModel(probe, []).graph, backend, values);
        expect(relativeError(forward.output, runs[range].output), "output").toBeLessThan(TOLERANCE);

        const trace = traceLoss(probe, new Weighted(), []);
        expect(trace.parameters).toEqual(Object.keys(runs[range].gradients));
        const target = generate("nn_activation/cotangent", sizeOf(SHAPE));
        const options = { gradientsFor: trace.parameters };
        const backward = await runGraph(trace.graph, backend, { ...values, target }, options);
        for (const [key, expected] of Object.entries(runs[range].gradients)) {
          expect(relativeError(backward[`grad.${key}`], expected), `gradient of ${key}`).toBeLessThan(
            TOLERANCE,
          );
        }
      },
    );

    it("is finite, gradients too, where every exponential overflows", async () => {
      const probe = new Probe(ACTIVATIONS[name]());
      const x = fixture.inputs.near.map((value) => value * 1e4);
      const trace = traceLoss(probe, new Weighted(), []);
      const values = { ...(await valuesOf(probe, x)), target: new Float32Array(sizeOf(SHAPE)).fill(1) };
      const results = await runGraph(trace.graph, backend, values, { gradientsFor: trace.parameters });
      for (const key of ["loss", ...trace.parameters.map((parameter) => `grad.${parameter}`)]) {
        expect(results[key].every(Number.isFinite), key).toBe(true);
      }
    });

    it("passes NaN on and lets it spread only where rows are summed", async () => {
      const probe = new Probe(ACTIVATIONS[name]());
      const x = fixture.inputs.near.map((value, i) => (i === 5 ? Number.NaN : value));
      const { output } = await runGraph(traceModel(probe, []).graph, backend, await valuesOf(probe, x));
      expect(output[5]).toBeNaN();
      const count = output.filter(Number.isNaN).length;
      const { activation } = probe;
      const isRow = activation instanceof nn.Softmax || activation instanceof nn.LogSoftmax;
      expect(count).toBe(isRow ? SHAPE.at(activation.dim) : 1);
    });
  });
});

describe("printed text", () => {
  it.each(fixture.modules)("$name is PyTorch's", ({ name, text }) => {
    expect(String(ACTIVATIONS[name]())).toBe(text);
  });

  it("writes floats as Python does", () => {
    const modules: Record<string, nn.Module> = {
      "CELU 1e-5": new nn.CELU(1e-5),
      "ELU 1e16": new nn.ELU(1e16),
      "LeakyReLU -0.0001": new nn.LeakyReLU(-0.0001),
      "ELU 1e15": new nn.ELU(1e15),
    };
    const texts = Object.entries(modules).map(([name, module]) => [name, String(module)]);
    expect(Object.fromEntries(texts)).toEqual(fixture.texts);
  });

  it("is tested for every module of the fixture", () => {
    expect(fixture.modules.map(({ name }) => name)).toEqual(Object.keys(ACTIVATIONS));
  });
});

describe("functions", () => {
  const x = tensor([-2, -0.5, 0.5, 30]);

  it("take options by position and by name", async () => {
    const pairs: [Tensor, Tensor][] = [
      [F.leakyRelu(x, 0.3), F.leakyRelu(x, { negativeSlope: 0.3 })],
      [F.elu(x, 2), F.elu(x, { alpha: 2 })],
      [F.celu(x, 2), F.celu(x, { alpha: 2 })],
      [F.gelu(x, "tanh"), F.gelu(x, { approximate: "tanh" })],
      [F.softplus(x, 2, 10), F.softplus(x, { beta: 2, threshold: 10 })],
    ];
    for (const [byPosition, byName] of pairs) expect(await byPosition.data()).toEqual(await byName.data());
  });

  it("accept a single number", async () => {
    expect(await F.prelu(tensor(-2), tensor([0.5])).item()).toBe(-1);
    expect(await F.softplus(tensor(0)).item()).toBeCloseTo(Math.LN2, 6);
  });

  it.each([
    [
      () => F.prelu(zeros(2, 3, 4), zeros(4)),
      "prelu expects one slope, or one for each of the 3 channels of [2,3,4], but got slopes of shape [4]",
    ],
    [() => F.celu(x, 0), "celu's alpha must not be 0: it divides by it"],
    [() => F.softplus(x, 0), "softplus's beta must not be 0: it divides by it"],
    [() => F.gelu(x, "fast" as "tanh"), 'gelu\'s approximate must be one of none, tanh, not "fast"'],
    [() => new nn.PReLU(0), "PReLU's numParameters must be a whole number of at least 1, not 0"],
    [() => new nn.Softmax(undefined as never), "Softmax needs dim"],
    [() => new nn.ELU({ beta: 1 } as object), "ELU has no option beta; its options are alpha"],
  ])("say what is wrong (%#)", (body, message) => {
    expect(body).toThrow(KilnError);
    expect(body).toThrow(message);
  });
});

it("the error function has thirteen digits in double over its whole range", async () => {
  const x = Float32Array.from({ length: 1401 }, (_, i) => (i - 700) / 100);
  const b = new GraphBuilder(opTable);
  const output = b.node("erf", [b.input("input", "x", { dtype: "float32", shape: [x.length] })]);
  const results = await runGraph(b.build("erf", [{ name: "output", value: output }]), interpret, { x });
  const expected = OPS.erf.reference(
    [{ shape: [x.length], data: Float64Array.from(x) }],
    output.type,
    {},
  ).data;
  // What the approximation of the normal tail is off by (src/ops/normal.ts): a millionth of a float32's last digit.
  expect(relativeError(results.output, expected)).toBeLessThan(2.5e-13);
});

it("PReLU's slope is state that an optimizer trains", async () => {
  const net = new nn.PReLU({ init: 0.5 });
  expect(Object.keys(net.stateDict())).toEqual(["weight"]);
  const trainer = await compileTraining(net, {
    inputs: [[2, 1]],
    loss: new nn.MSELoss(),
    optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
  });
  // The mean of (slope·x)² over x = -1, 2 with target (0, 2) has the slope's gradient 2·0.5/2.
  await trainer.step(tensor([[-1], [2]]), tensor([[0], [2]]));
  expect(await net.weight.item()).toBeCloseTo(0.45, 6);
});
