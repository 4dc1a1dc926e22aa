/**
 * The error of float32 compared with exact arithmetic for a given graph: an abstract interpretation that knows, for
 * each value, how large it gets, of which power of two it is a multiple, and how much rounding error it has
 * accumulated. If everything stays a small multiple of such a power the bound is 0: then backends must agree to the
 * bit.
 */

import { ERROR_BUDGETS } from "../../passes/scheduling/plans/winograd/forms.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { Graph, Node, Value } from "../../src/ir/types.ts";
import { ints, number } from "../../src/ops/definition.ts";

export interface Bound {
  /** No value is larger than this. */
  readonly size: number;
  /** Every value is a multiple of this power of two; 0 when there is none. */
  readonly unit: number;
  /** The largest difference between float32 and exact arithmetic. */
  readonly error: number;
}

/** The relative rounding error of one float32 operation. */
const ROUNDING = 2 ** -24;
/** Integers up to here are exact in float32. */
const EXACT = 2 ** 24;
const UNKNOWN: Bound = { size: Number.POSITIVE_INFINITY, unit: 0, error: Number.POSITIVE_INFINITY };

/**
 * The bound of every value, from bounds of the inputs (`size` 3 and `unit` 1: small integers). With `winograd`
 * convolutions may differ by the tolerance of Winograd's method.
 */
export function errorBounds(graph: Graph, input: Bound, winograd = false): ReadonlyMap<Value, Bound> {
  const bounds = new Map<Value, Bound>(graph.inputs.map((value) => [value, input]));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((v) => bounds.get(v)!);
    // What depends on an unknown bound is unknown, whatever the arithmetic of infinities says.
    const known = inputs.every((x) => Number.isFinite(x.error) && Number.isFinite(x.size));
    const bound = known ? boundOf(node, inputs) : UNKNOWN;
    bounds.set(node, winograd && node.op.startsWith("conv2d") ? withWinograd(node, bound) : bound);
  }
  return bounds;
}

function withWinograd({ op }: Node, { size, error }: Bound): Bound {
  const budget = op === "conv2d_weight_grad" ? ERROR_BUDGETS.weights : ERROR_BUDGETS.outputs;
  return { size, unit: 0, error: error + budget * size };
}

/** Adds the rounding of `operations` that make a result of this size, unless they are exact. */
function rounded(size: number, unit: number, error: number, operations = 1): Bound {
  const exact = error === 0 && unit > 0 && size / unit <= EXACT;
  return exact
    ? { size, unit, error: 0 }
    : { size, unit: 0, error: error + operations * ROUNDING * (size + error) };
}

const product = (a: Bound, b: Bound): Bound =>
  rounded(a.size * b.size, a.unit * b.unit, a.error * b.size + b.error * a.size + a.error * b.error);

const sumOf = (a: Bound, count: number): Bound => rounded(a.size * count, a.unit, a.error * count, count);

/**
 * A function with slope at most `slope` whose result rounds by a few units: exp and log of the engine are within one.
 */
const smooth = (a: Bound, size: number, slope: number): Bound => {
  const error = a.error * slope + 4 * ROUNDING * (size + 1);
  return { size, unit: 0, error };
};

function boundOf(node: Node, inputs: readonly Bound[]): Bound {
  const [a, b, c] = inputs;
  const widest = (...list: readonly Bound[]): Bound => ({
    size: Math.max(...list.map((x) => x.size)),
    unit: Math.min(...list.map((x) => x.unit)),
    error: Math.max(...list.map((x) => x.error)),
  });
  /** Which branch is taken must not depend on rounding. */
  const decided = (condition: Bound, result: Bound): Bound => (condition.error > 0 ? UNKNOWN : result);
  switch (node.op) {
    case "constant":
      return constantBound(number(node.attrs, "value"));
    case "reshape":
    case "broadcast_to":
    case "neg":
    case "abs":
    case "relu":
    case "max":
    case "max_pool2d":
    case "slice":
    case "slice_grad":
      return a;
    case "cat":
      return widest(...inputs);
    case "max_pool2d_grad":
    case "max_pool2d_gather":
      return decided(b, a);
    case "result_of":
      // The position of a maximum.
      return decided(a, { size: 255, unit: 1, error: 0 });
    case "sign":
    case "cast":
      return decided(a, { size: Math.max(1, a.size), unit: Math.min(1, a.unit || 1), error: 0 });
    case "compare":
      return decided(widest(a, b), { size: 1, unit: 1, error: 0 });
    case "where":
      return decided(a, widest(b, c));
    case "relu_grad":
      return decided(b, a);
    case "maximum":
    case "minimum":
      return widest(a, b);
    case "add":
    case "sub":
      return rounded(a.size + b.size, Math.min(a.unit, b.unit), a.error + b.error);
    case "mul":
      return product(a, b);
    case "sum":
      return sumOf(a, sizeOf(node.inputs[0].type.shape) / sizeOf(node.type.shape));
    case "mean": {
      const count = sizeOf(node.inputs[0].type.shape) / sizeOf(node.type.shape);
      const total = sumOf(a, count);
      return product(total, { ...constantBound(1 / count), error: ROUNDING / count });
    }
    case "matmul":
    case "linear":
    case "conv2d":
    case "conv2d_input_grad":
    case "conv2d_weight_grad": {
      const sum = sumOf(product(a, b), termsOf(node));
      return c === undefined
        ? sum
        : rounded(sum.size + c.size, Math.min(sum.unit, c.unit), sum.error + c.error);
    }
    case "exp":
      return smooth(a, Math.exp(a.size), Math.exp(a.size + a.error));
    case "log":
    case "sqrt":
      return isAtLeastOne(node.inputs[0]) ? smooth(a, a.size, 1) : UNKNOWN;
    case "div": {
      if (!isAtLeastOne(node.inputs[1])) return UNKNOWN;
      // |a/b - a'/b'| <= (error of a) + |a|·(error of b), for b and b' of at least 1.
      const error = a.error + a.size * b.error * 2;
      return { size: a.size, unit: 0, error: error + ROUNDING * (a.size + error) };
    }
    case "log_softmax": {
      const size = 2 * a.size + Math.log(sizeOf(node.type.shape) + 1);
      return smooth(a, size, 2);
    }
    default:
      return UNKNOWN;
  }
}

function constantBound(value: number): Bound {
  if (!Number.isFinite(value)) return UNKNOWN;
  const exact = Math.fround(value) === value;
  let unit = 1;
  while (exact && value % unit !== 0) unit /= 2;
  return { size: Math.abs(value), unit: exact ? unit : 0, error: exact ? 0 : Math.abs(value) * ROUNDING };
}

/** How many products a result of this contraction sums, at most. */
function termsOf(node: Node): number {
  const [x, y] = node.inputs.map((v) => v.type.shape);
  switch (node.op) {
    case "matmul":
      return node.attrs.transposeA === true ? x[x.length - 2] : x[x.length - 1];
    case "linear":
      return y[1];
    case "conv2d":
    case "conv2d_input_grad":
      return sizeOf(y);
    default:
      return sizeOf(y) / Math.min(y[1], sizeOf(ints(node.attrs, "kernelSize")));
  }
}

/** `|x| + c` with a constant `c` of at least 1: what the generator divides by and takes logarithms of. */
function isAtLeastOne(value: Value): boolean {
  if (value.kind !== "node" || value.op !== "add") return false;
  const [x, y] = value.inputs;
  const isAbs = x.kind === "node" && x.op === "abs";
  return isAbs && y.kind === "node" && y.op === "constant" && number(y.attrs, "value") >= 1;
}
