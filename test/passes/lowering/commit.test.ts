/** What a step's commit computes: no state is read after it was stored, in whatever way updates read each other's states. */

import { compileTraining, manualSeed, nn, optim, rand, type Tensor } from "kiln-js";
import { describe, expect, test } from "vitest";
import { interpret } from "../../../backends/interpret/backend.ts";
import { js } from "../../../backends/js/backend.ts";
import { wasm } from "../../../backends/wasm/backend.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import type { Graph } from "../../../src/ir/types.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { draw, generator } from "../../support/draw.ts";
import { evaluateGraph } from "../../support/reference.ts";
import { planOf, relativeError, runGraph } from "../../support/run-graph.ts";

/** Backends that store states in place, one of them with a kernel for each store. */
const BACKENDS = [
  interpret,
  js,
  wasm,
  { ...js, name: "js with one output", capabilities: { ...js.capabilities, maxOutputs: 1 } },
];

/** A step's graph: its states, its nodes, what it returns and what it updates. */
const stepOf = (states: string, nodes: readonly string[], end: readonly string[]): Graph =>
  parseGraph(
    [
      `graph g(%x: f32[4]) params(${states}) {`,
      ...nodes.map((text, k) => `  %${k}: ${text}`),
      ...end.map((line) => `  ${line}`),
      "}",
    ].join("\n"),
    opTable,
  );

interface Case {
  readonly name: string;
  readonly graph: Graph;
  /** The kernels on js. */
  readonly kernels: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "two states that change places",
    graph: stepOf("@a: f32[4], @b: f32[4]", [], ["return", "update @a = @b", "update @b = @a"]),
    kernels: ["update"],
  },
  {
    name: "three states that go round in a circle",
    graph: stepOf(
      "@a: f32[4], @b: f32[4], @c: f32[4]",
      ["f32[4] = add(@b, %x)", "f32[4] = add(@c, @b)", "f32[4] = add(@a, @c)"],
      ["return", "update @a = %0", "update @b = %1", "update @c = %2"],
    ),
    kernels: ["update"],
  },
  {
    name: "a state that is spread over another and changes too",
    graph: stepOf(
      "@s: f32[4], @w: f32[3,4]",
      ["f32[4] = add(@s, %x)", "f32[3,4] = add(@w, @s)"],
      ["return", "update @s = %0", "update @w = %1"],
    ),
    kernels: ["update"],
  },
  {
    name: "a counter that the update of a parameter reads",
    graph: stepOf(
      "@t: f32[], @w: f32[4]",
      [
        'f32[] = constant() {dtype="float32", value=1}',
        "f32[] = add(@t, %0)",
        "f32[4] = div(%x, %1)",
        "f32[4] = sub(@w, %2)",
      ],
      ["return", "update @t = %1", "update @w = %3"],
    ),
    kernels: ["update"],
  },
  {
    name: "states of two shapes that read each other",
    graph: stepOf(
      "@a: f32[4], @b: f32[2,2]",
      [
        "f32[4] = reshape(@b) {shape=[4]}",
        "f32[4] = add(@a, %0)",
        "f32[2,2] = reshape(@a) {shape=[2,2]}",
        "f32[2,2] = mul(@b, %2)",
      ],
      ["return", "update @a = %1", "update @b = %3"],
    ),
    kernels: ["add", "update"],
  },
  {
    name: "rows of a state, put back into it",
    graph: stepOf(
      "@w: f32[3,4]",
      ["f32[3,4] = softmax(@w) {axis=0}", "f32[3,4] = mul(%0, %x)", "f32[3,4] = sub(@w, %1)"],
      ["return", "update @w = %2"],
    ),
    kernels: ["softmax", "update"],
  },
  {
    name: "a softmax that is the new state itself",
    graph: stepOf("@w: f32[3,4]", ["f32[3,4] = softmax(@w) {axis=1}"], ["return", "update @w = %0"]),
    kernels: ["softmax", "update"],
  },
  {
    name: "a state that is turned round",
    graph: stepOf(
      "@w: f32[2,2], @v: f32[2,2]",
      [
        "f32[2,2] = permute(@w) {dims=[1,0]}",
        "f32[2,2] = add(%0, @v)",
        "f32[2,2] = flip(@v) {axes=[0]}",
        "f32[2,2] = add(%2, @w)",
      ],
      ["return", "update @w = %1", "update @v = %3"],
    ),
    kernels: ["permute", "flip", "update"],
  },
  {
    name: "a new value that is a result as well, and an old one that is read later",
    graph: stepOf(
      "@w: f32[4,4], @v: f32[4,4]",
      ["f32[4,4] = add(@w, %x)", "f32[4,4] = matmul(@w, @v) {transposeA=false, transposeB=false}"],
      ["return new=%0, product=%1", "update @w = %0"],
    ),
    kernels: ["add", "matmul", "update"],
  },
  {
    name: "a new value that the forward pass reads",
    graph: stepOf(
      "@m: f32[4], @w: f32[4]",
      [
        "f32[4] = add(@m, %x)",
        "f32[4] = softmax(%0) {axis=0}",
        "f32[] = sum(%1) {axes=[0], keepdim=false}",
        "f32[4] = mul(%1, @w)",
        "f32[4] = sub(@w, @m)",
      ],
      ["return loss=%2, y=%3", "update @m = %0", "update @w = %4"],
    ),
    kernels: ["add", "softmax_sum", "softmax_mul", "update"],
  },
  {
    name: "results that are old values of states, one of them in another shape",
    graph: stepOf(
      "@a: f32[4], @b: f32[4]",
      ["f32[4] = add(@a, @b)", "f32[2,2] = reshape(@b) {shape=[2,2]}"],
      ["return a=@a, b=%1, sum=%0", "update @a = %0", "update @b = @a"],
    ),
    kernels: ["add", "copy", "update"],
  },
  {
    name: "one value for two states",
    graph: stepOf(
      "@a: f32[4], @b: f32[4]",
      ["f32[4] = add(@a, @b)"],
      ["return", "update @a = %0", "update @b = %0"],
    ),
    kernels: ["update"],
  },
];

describe.each(CASES)("$name", ({ graph, kernels }) => {
  test("is committed by the right kernels", () => {
    expect(planOf(graph, js).kernels.map(({ name }) => name)).toEqual(kernels);
  });

  test.each(BACKENDS)("comes to what the references say on $name", async (backend) => {
    const random = generator(5);
    const values = Object.fromEntries(graph.inputs.map(({ name, type }) => [name, draw(type, random)]));
    const actual = await runGraph(graph, backend, values);
    const expected = evaluateGraph(graph, values);
    // Sums of four numbers in float32 against double.
    for (const name of Object.keys(expected))
      expect(relativeError(actual[name], expected[name]), name).toBeLessThan(1e-6);
  });
});

const OPTIMIZERS: Readonly<Record<string, (parameters: nn.Parameter[]) => optim.Optimizer>> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true }),
  RMSprop: (p) => new optim.RMSprop(p),
  "centred RMSprop": (p) => new optim.RMSprop(p, { centered: true, momentum: 0.9 }),
  Adagrad: (p) => new optim.Adagrad(p),
  Adadelta: (p) => new optim.Adadelta(p),
  Adam: (p) => new optim.Adam(p),
  AdamW: (p) => new optim.AdamW(p, { amsgrad: true }),
  Adamax: (p) => new optim.Adamax(p),
  NAdam: (p) => new optim.NAdam(p),
};

/** The scale of each channel, from the whole image: its bias gradient is [N,C] seen as [N,C,1,1], or as [C]. */
class SqueezeAndExcite extends nn.Module {
  conv = new nn.Conv2d(2, 4, 3);
  pool = new nn.AdaptiveAvgPool2d(1);
  squeeze = new nn.Linear(4, 2);
  excite = new nn.Linear(2, 4);

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    const scale = this.excite.forward(this.squeeze.forward(this.pool.forward(y).flatten(1)).relu()).sigmoid();
    return y.mul(scale.view(-1, 4, 1, 1)).mean([2, 3]);
  }
}

/** A parameter that is one row, as a learned query is. */
class Query extends nn.Module {
  query = new nn.Parameter(rand(1, 3));
  linear = new nn.Linear(3, 2);

  forward(x: Tensor): Tensor {
    return this.linear.forward(this.query).add(x);
  }
}

const MODELS: Readonly<Record<string, () => { model: nn.Module; input: readonly number[] }>> = {
  "a linear layer": () => ({ model: new nn.Linear(2, 3), input: [1, 2] }),
  "linear layers": () => ({
    model: new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU(), new nn.Linear(3, 2)),
    input: [1, 2],
  }),
  "squeeze and excite": () => ({ model: new SqueezeAndExcite(), input: [1, 2, 5, 5] }),
  "a learned query": () => ({ model: new Query(), input: [1, 2] }),
};

describe.each(Object.keys(MODELS))("%s with a batch of one", (name) => {
  test.each(Object.keys(OPTIMIZERS))("trains by %s, all updates in one kernel", async (rule) => {
    const results: number[] = [];
    for (const backend of ["interpret", "js", "wasm"] as const) {
      manualSeed(4);
      const { model, input } = MODELS[name]();
      const optimizer = OPTIMIZERS[rule](model.parameters());
      const trainer = await compileTraining(model, {
        inputs: [input],
        loss: new nn.MSELoss(),
        optimizer,
        backend,
      });
      for (let step = 0; step < 3; step++)
        results.push(await trainer.step(rand(...input), rand(...targetOf(name))));
      expect(trainer.kernels.filter((kernel) => kernel.name.startsWith("update"))).toHaveLength(1);
      await trainer.dispose();
    }
    const [first, ...others] = [results.slice(0, 3), results.slice(3, 6), results.slice(6)];
    // A step of the size of eps over the root of a tiny square leaves five digits.
    for (const other of others) expect(relativeError(other, first)).toBeLessThan(1e-5);
  });
});

const targetOf = (model: string): readonly number[] => {
  if (model === "a linear layer") return [1, 3];
  return model === "squeeze and excite" ? [1, 4] : [1, 2];
};
