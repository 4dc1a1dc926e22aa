/** Random graphs over the ops, valid by construction, as fast-check arbitraries that shrink to short graphs. */

import * as fc from "fast-check";
import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { broadcastShapes, sameShape, sizeOf } from "../../src/core/shape.ts";
import { GraphBuilder } from "../../src/ir/builder.ts";
import { printGraph } from "../../src/ir/print.ts";
import type { Graph, TensorType, Value } from "../../src/ir/types.ts";
import { definitionOf, opTable } from "../../src/ops/registry.ts";
import { generator } from "./draw.ts";

/** One step: which op, and numbers from which it picks operands and attributes. */
export interface Step {
  readonly op: string;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const SHAPES: readonly (readonly number[])[] = [
  [],
  [1],
  [3],
  [4],
  [2, 3],
  [3, 4],
  [2, 1],
  [1, 4],
  [2, 3, 4],
  [1, 2, 6, 6],
  [2, 1, 5, 4],
  [1, 1, 8, 9],
];

/** Ops that keep small integers exact, then those that round. */
export const OPS = [
  ...["neg", "abs", "sign", "relu", "add", "sub", "mul", "maximum", "minimum", "relu_grad", "where"],
  ...["sum", "max", "max_dim", "reshape", "broadcast_to", "matmul", "linear", "conv2d", "max_pool2d"],
  ...["exp", "log", "sqrt", "div", "mean", "log_softmax"],
];

/** Larger tensors than these only make the test slow. */
const MOST_ELEMENTS = 400;

export interface RandomGraph {
  readonly graph: Graph;
  /** Integers from -3 to 3 for every input and state. */
  readonly values: Readonly<Record<string, TypedArray>>;
}

/** Shows a failing example as the graph's text, not as a tree of objects. */
export const shown = (random: RandomGraph): RandomGraph =>
  Object.assign(random, {
    [fc.toStringMethod]: () =>
      `\n${printGraph(random.graph)}\n${Object.entries(random.values)
        .map(([name, data]) => `${name} = [${data}]`)
        .join("\n")}\n`,
  });

/** The largest absolute value among `values`. */
export const LARGEST_INPUT = 3;

const step = fc.record({
  op: fc.constantFrom(...OPS),
  a: fc.nat(63),
  b: fc.nat(63),
  c: fc.nat(63),
});

/** A graph of one to twelve ops with up to three outputs. */
export const randomGraph: fc.Arbitrary<RandomGraph> = fc
  .record({
    shapes: fc.array(fc.constantFrom(...SHAPES), { minLength: 1, maxLength: 3 }),
    steps: fc.array(step, { minLength: 1, maxLength: 12 }),
    outputs: fc.integer({ min: 1, max: 3 }),
    seed: fc.nat(0xffff),
  })
  .map(({ shapes, steps, outputs, seed }) => {
    const maker = new Maker(shapes);
    for (const s of steps) maker.apply(s);
    const graph = maker.graph(outputs);
    return shown({ graph, values: wholeNumbers(graph, seed) });
  });

/** A random graph whose only output is the sum of its last value: a loss to differentiate. */
export const randomLoss: fc.Arbitrary<RandomGraph> = randomGraph.map(lossOf);

export function lossOf({ graph, values }: RandomGraph): RandomGraph {
  const b = GraphBuilder.from(graph, opTable);
  const { value } = graph.outputs[0];
  const axes = value.type.shape.map((_, axis) => axis);
  const loss = b.node("sum", [value], { axes, keepdim: false });
  return shown({ graph: b.build("loss", [{ name: "loss", value: loss }]), values });
}

interface ConvLayer {
  readonly channels: number;
  readonly kernel: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly stride: number;
  readonly bias: boolean;
  readonly relu: boolean;
  /** Rows and columns of a pooling window; absent without pooling. */
  readonly pool: readonly [number, number] | undefined;
  readonly ceilMode: boolean;
}

const upTo = (most: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: most });

const convLayer: fc.Arbitrary<ConvLayer> = fc.record({
  channels: upTo(5),
  kernel: fc.tuple(upTo(3), upTo(3)),
  padding: fc.tuple(fc.nat(2), fc.nat(2)),
  stride: fc.constantFrom(1, 1, 1, 2),
  bias: fc.boolean(),
  relu: fc.boolean(),
  pool: fc.option(fc.tuple(upTo(3), upTo(3)), { nil: undefined, freq: 4 }),
  ceilMode: fc.constantFrom(false, false, false, true),
});

/** Convolutions with relu and pooling, then a linear layer: a loss to differentiate, as in image nets. */
export const randomConvNet: fc.Arbitrary<RandomGraph> = fc
  .record({
    image: fc.tuple(upTo(3), upTo(3), fc.integer({ min: 5, max: 9 }), fc.integer({ min: 5, max: 9 })),
    layers: fc.array(convLayer, { minLength: 1, maxLength: 2 }),
    seed: fc.nat(0xffff),
  })
  .map(({ image, layers, seed }) => {
    const b = new GraphBuilder(opTable);
    let x: Value = b.input("state", "image", { dtype: "float32", shape: image });
    layers.forEach((layer, k) => {
      x = convolved(b, x, layer, `conv${k}`) ?? x;
    });
    const [n, ...rest] = x.type.shape;
    x = b.node("reshape", [x], { shape: [n, sizeOf(rest)] });
    const weight = b.input("state", "fc.weight", { dtype: "float32", shape: [2, sizeOf(rest)] });
    const out = b.node("linear", [x, weight]);
    const loss = b.node("sum", [out], { axes: [0, 1], keepdim: false });
    const graph = b.build("convnet", [{ name: "loss", value: loss }]);
    return shown({ graph, values: wholeNumbers(graph, seed) });
  });

/** One layer on `x`, or `undefined` if the image has become too small for it. */
function convolved(b: GraphBuilder, x: Value, layer: ConvLayer, name: string): Value | undefined {
  const { channels, kernel, padding, stride } = layer;
  const [, inputs, height, width] = x.type.shape;
  if (height + 2 * padding[0] < kernel[0] || width + 2 * padding[1] < kernel[1]) return undefined;
  const state = (suffix: string, shape: readonly number[]): Value =>
    b.input("state", `${name}.${suffix}`, { dtype: "float32", shape });
  const operands = [x, state("weight", [channels, inputs, ...kernel])];
  if (layer.bias) operands.push(state("bias", [channels]));
  let y: Value = b.node("conv2d", operands, {
    stride: [stride, stride],
    padding,
    dilation: [1, 1],
    groups: 1,
  });
  if (layer.relu) y = b.node("relu", [y]);
  const [, , rows, columns] = y.type.shape;
  if (layer.pool === undefined || rows < layer.pool[0] || columns < layer.pool[1]) return y;
  return b.node("max_pool2d", [y], {
    kernel: layer.pool,
    stride: layer.pool,
    padding: [0, 0],
    dilation: [1, 1],
    ceilMode: layer.ceilMode,
  });
}

export function wholeNumbers(graph: Graph, seed: number): Record<string, TypedArray> {
  const random = generator(seed);
  return Object.fromEntries(
    graph.inputs.map(({ name, type }) => [
      name,
      allocate(type.dtype, sizeOf(type.shape)).map(
        () => Math.floor(random() * (2 * LARGEST_INPUT + 1)) - LARGEST_INPUT,
      ),
    ]),
  );
}

/** Makes a graph step by step. */
export class Maker {
  protected readonly b = new GraphBuilder(opTable);
  private readonly pool: Value[] = [];
  private states = 0;

  constructor(shapes: readonly (readonly number[])[]) {
    shapes.forEach((shape, k) => {
      this.pool.push(k === 0 ? this.b.input("input", "x", { dtype: "float32", shape }) : this.state(shape));
    });
  }

  graph(outputs: number): Graph {
    const results = [...new Set(this.pool.slice(-outputs))].reverse();
    return this.b.build(
      "random",
      results.map((value, k) => ({ name: `output${k}`, value })),
    );
  }

  /** Adds all results of the step to the pool, if there are operands for it and it is not too large. */
  apply(s: Step): void {
    const value = this.make(s);
    if (value === undefined) return;
    const further = value.kind === "node" ? this.b.results(value).slice(1) : [];
    // The first one last, since the next steps mostly use the last value.
    for (const result of [...further].reverse())
      if (result.type.dtype !== "float32") this.keep(this.b.node("cast", [result], { dtype: "float32" }));
    this.keep(value);
  }

  protected keep(value: Value): void {
    if (!this.pool.includes(value)) this.pool.push(value);
  }

  private make({ op, a, b, c }: Step): Value | undefined {
    const x = this.pick(a, () => true);
    if (x === undefined) return undefined;
    const { shape } = x.type;
    const rank = shape.length;
    switch (op) {
      case "add":
      case "sub":
      case "mul":
      case "maximum":
      case "minimum":
        return this.node(op, [x, this.broadcastable(b, x)]);
      case "div":
        return this.node(op, [x, this.atLeastOne(this.broadcastable(b, x))]);
      case "log":
      case "sqrt":
        return this.node(op, [this.atLeastOne(x)]);
      case "relu_grad":
        return this.node(op, [x, this.pick(b, (v) => sameShape(v.type.shape, shape))!]);
      case "where": {
        const y = this.broadcastable(b, x);
        const relation = ["lt", "le", "gt", "ge", "eq", "ne"][c % 6];
        return this.node(op, [this.b.node("compare", [x, y], { relation }), y, x]);
      }
      case "sum":
      case "max":
      case "max_dim":
      case "mean": {
        const axes = shape.flatMap((_, axis) => ((b >> axis) & 1 ? [axis] : []));
        return this.node(op, [x], { axes, keepdim: c % 2 === 0 });
      }
      case "log_softmax":
        return rank === 0 ? undefined : this.node(op, [x], { axis: b % rank });
      case "reshape":
        return this.node(op, [x], { shape: reshaped(shape, b) });
      case "broadcast_to":
        return this.node(op, [x], { shape: [2, ...shape] });
      case "matmul": {
        if (rank < 2) return undefined;
        const [transposeA, transposeB] = [c % 2 === 1, c % 4 > 1];
        const inner = transposeA ? shape[rank - 2] : shape[rank - 1];
        const columns = 1 + (b % 5);
        const y = this.state(transposeB ? [columns, inner] : [inner, columns]);
        return this.node(op, [x, y], { transposeA, transposeB });
      }
      case "linear": {
        if (rank === 0) return undefined;
        const features = 1 + (b % 5);
        const weight = this.state([features, shape[rank - 1]]);
        return this.node(op, c % 2 === 0 ? [x, weight, this.state([features])] : [x, weight]);
      }
      case "conv2d": {
        const image = this.pick(a, (v) => v.type.shape.length === 4);
        if (image === undefined) return undefined;
        const weight = this.state([1 + (b % 3), image.type.shape[1], 1 + (c % 3), 1 + (b % 2)]);
        const bias = c % 2 === 0 ? [this.state([1 + (b % 3)])] : [];
        const attrs = {
          stride: [1 + (c % 2), 1],
          padding: [c % 3, b % 2],
          dilation: [1, 1 + (b % 2)],
          groups: 1,
        };
        return this.node(op, [image, weight, ...bias], attrs);
      }
      case "max_pool2d": {
        const image = this.pick(a, (v) => v.type.shape.length === 4);
        if (image === undefined) return undefined;
        const kernel = [2, 1 + (b % 3)];
        const disjoint = c % 3 > 0;
        const attrs = {
          kernel,
          stride: disjoint ? kernel : [1, 2],
          padding: disjoint ? [0, 0] : [1, 0],
          dilation: [1, 1],
          ceilMode: c % 2 === 0,
        };
        return this.node(op, [image], attrs);
      }
      default:
        return this.node(op, [x]);
    }
  }

  /** The node, unless the op rejects its operands (a kernel larger than the image) or it would be too large. */
  private node(op: string, inputs: readonly Value[], attrs = {}): Value | undefined {
    let type: TensorType;
    try {
      type = definitionOf(op).infer(
        inputs.map((v) => v.type),
        attrs,
      );
    } catch {
      return undefined;
    }
    return sizeOf(type.shape) > MOST_ELEMENTS ? undefined : this.b.node(op, inputs, attrs);
  }

  state(shape: readonly number[]): Value {
    return this.b.input("state", `w${this.states++}`, { dtype: "float32", shape });
  }

  /** A value that fits; two times in three one of the last three, so that there are chains for fusion to find. */
  protected pick(k: number, fits: (value: Value) => boolean): Value | undefined {
    const candidates = this.pool.filter(fits).reverse();
    if (candidates.length === 0) return undefined;
    return candidates[k % (k < 43 ? Math.min(3, candidates.length) : candidates.length)];
  }

  private broadcastable(k: number, x: Value): Value {
    return this.pick(k, (v) => broadcastShapes(v.type.shape, x.type.shape) !== undefined)!;
  }

  private atLeastOne(x: Value): Value {
    return this.b.node("add", [this.b.node("abs", [x]), this.b.constant(1)]);
  }
}

/** One of the ways to view `shape`: flat, with a new axis, or with its last two axes joined. */
function reshaped(shape: readonly number[], k: number): readonly number[] {
  const size = sizeOf(shape);
  const [last, ...rest] = [...shape].reverse();
  switch (k % 4) {
    case 0:
      return [size];
    case 1:
      return [1, ...shape];
    case 2:
      return rest.length > 0 ? [...rest.slice(1).reverse(), rest[0] * last] : [...shape, 1];
    default:
      return size % 2 === 0 ? [2, size / 2] : [size, 1];
  }
}
