/**
 * Random graphs over every op: each step is one of an op's own samples, with inputs made from the values before it. A
 * new op is included as soon as it has samples.
 */

import * as fc from "fast-check";
import type { TypedArray } from "../../src/core/dtype.ts";
import { type Shape, sizeOf } from "../../src/core/shape.ts";
import { resultsOf } from "../../src/ir/body.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import type { Graph, Value } from "../../src/ir/types.ts";
import type { Sample, SampleInput } from "../../src/ops/definition.ts";
import { OPS, opTable } from "../../src/ops/registry.ts";
import { draw, generator } from "./draw.ts";
import { type RandomGraph, shown } from "./random-graph.ts";
import { evaluateGraph } from "./reference.ts";

/** Ops that are only meaningful where the tracer or a rule puts them, and those that draw numbers. */
const OF_THEIR_OWN = [
  ...["constant", "result_of", "cotangent", "custom_gradient", "with_history", "index_fault"],
  ...["bernoulli", "randint"],
];

/** Larger tensors than these only make the test slow. */
const MOST_ELEMENTS = 600;

interface OpSample {
  readonly op: string;
  readonly sample: Sample;
}

const SAMPLES: readonly OpSample[] = Object.entries(OPS).flatMap(([op, definition]) =>
  OF_THEIR_OWN.includes(op)
    ? []
    : definition
        .samples()
        .filter((sample) => isSmall(op, sample))
        .map((sample) => ({ op, sample })),
);

function isSmall(op: string, { inputs, attrs }: Sample): boolean {
  const types = [...inputs, ...resultsOf(opTable.infer(op, inputs, attrs))];
  return types.every(({ shape }) => sizeOf(shape) > 0 && sizeOf(shape) <= MOST_ELEMENTS);
}

/** Every op in such graphs. */
export const SAMPLED_OPS: readonly string[] = [...new Set(SAMPLES.map(({ op }) => op))];

/** By op, then by sample: ops with many samples do not occur more often. */
const choice = fc.tuple(fc.nat(SAMPLED_OPS.length - 1), fc.nat(63));

/** A graph of two to eight ops; its outputs are the last two results. */
export const randomSampleGraph: fc.Arbitrary<RandomGraph> = fc
  .record({
    steps: fc.array(fc.record({ choice, from: fc.nat(63) }), { minLength: 2, maxLength: 8 }),
    seed: fc.nat(0xffff),
  })
  .map(({ steps, seed }) => {
    const chain = new Chain(seed);
    for (const {
      choice: [op, which],
      from,
    } of steps) {
      const own = SAMPLES.filter((one) => one.op === SAMPLED_OPS[op]);
      chain.add(own[which % own.length], from);
    }
    return shown({ graph: chain.graph(), values: chain.values });
  });

/** A graph that grows by samples. */
class Chain {
  readonly values: Record<string, TypedArray> = {};
  private readonly b = new GraphBuilder(opTable);
  private readonly floats: Value[] = [];
  private readonly results: Value[] = [];
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = generator(seed);
  }

  add({ op, sample: { inputs, attrs } }: OpSample, from: number): void {
    const operands = inputs.map((input, k) => this.operand(input, from + k));
    for (const result of this.b.results(this.b.node(op, operands, attrs))) {
      this.results.push(result);
      if (result.type.dtype === "float32") this.floats.push(result);
    }
  }

  graph(): Graph {
    const outputs = [...new Set(this.results)].slice(-2);
    return this.b.build(
      "samples",
      outputs.map((value, k) => ({ name: `output${k}`, value })),
    );
  }

  /** One of the last floats in the shape and the range that the sample wants, or numbers of its own. */
  private operand(input: SampleInput, k: number): Value {
    const isOwn = input.dtype !== "float32" || input.below !== undefined || input.draw === "distinct";
    if (isOwn || this.floats.length === 0 || k % 4 === 3) return this.drawn(input);
    const value = this.floats[this.floats.length - 1 - (k % Math.min(3, this.floats.length))];
    return this.within(this.shaped(value, input.shape), input.draw);
  }

  private drawn(input: SampleInput): Value {
    const name = `x${Object.keys(this.values).length}`;
    this.values[name] = draw(input, this.random);
    return this.b.input("state", name, { dtype: input.dtype, shape: input.shape });
  }

  private shaped(value: Value, shape: Shape): Value {
    const [own, wanted] = [sizeOf(value.type.shape), sizeOf(shape)];
    const times = Math.ceil(wanted / own);
    const repeated =
      times === 1 ? value : this.b.node("broadcast_to", [this.flat(value)], { shape: [times, own] });
    const flat = this.flat(repeated);
    const cut =
      times * own === wanted
        ? flat
        : this.b.node("slice", [flat], { starts: [0], stops: [wanted], steps: [1] });
    return this.b.node("reshape", [cut], { shape });
  }

  private flat(value: Value): Value {
    return this.b.node("reshape", [value], { shape: [sizeOf(value.type.shape)] });
  }

  private within(value: Value, range: SampleInput["draw"]): Value {
    const shifted = (factor: number, by: number): Value =>
      this.b.node("add", [
        this.b.node("mul", [this.b.node("sigmoid", [value]), this.b.constant(factor)]),
        this.b.constant(by),
      ]);
    switch (range) {
      case "positive":
        return shifted(1, 0.5);
      case "nonzero":
        return shifted(-1, -0.2);
      case "unit":
        return shifted(0.9, 0.05);
      case "above 1":
        return shifted(1, 1.1);
      default:
        return shifted(2, -1.03);
    }
  }
}

/** The expected effect of rounding on the outputs: how much they move when the inputs do; undefined if they jump. */
export function movedBy(
  graph: Graph,
  values: RandomGraph["values"],
): { readonly expected: Record<string, TypedArray>; readonly moved: ReadonlyMap<string, number> } {
  const expected = evaluateGraph(graph, values);
  const moved = new Map(Object.keys(expected).map((name) => [name, 0]));
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const random = generator(seed);
    const disturbed = Object.fromEntries(
      graph.inputs.map(({ name, type }) => [
        name,
        type.dtype === "float32"
          ? Float64Array.from(values[name], (x) => x * (1 + DISTURBED * (2 * random() - 1)))
          : values[name],
      ]),
    );
    for (const [name, numbers] of Object.entries(evaluateGraph(graph, disturbed)))
      for (let i = 0; i < numbers.length; i++) {
        const difference = Math.abs(numbers[i] - expected[name][i]);
        if (!(difference <= moved.get(name)!)) moved.set(name, difference);
      }
  }
  return { expected, moved };
}

/** Two roundings of float32. */
export const DISTURBED = 2 ** -23;
