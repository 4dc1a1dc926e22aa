/** Gradient clipping as graph nodes: what torch.nn.utils does to all gradients between backward and the update. */

import type { Origin } from "../../src/core/origin.ts";
import type { GraphBuilder } from "../../src/ir/builder.ts";
import type { Input, Node, Value } from "../../src/ir/types.ts";
import type { GradientClip } from "../../src/ir/update.ts";
import { abs, add, div, max, maximum, minimum, mul, pow, sqrt, sum } from "../../src/ops/algebra.ts";

/** Keeps the divisor away from 0, as in PyTorch. */
const EPSILON = 1e-6;

type Gradients = ReadonlyMap<Input, Value>;

/** The gradients after clipping, by their parameter; new nodes get the origins of the parameter. */
export function clipGradients(
  b: GraphBuilder,
  gradients: Gradients,
  clip: GradientClip,
  originsOf: (parameter: Input) => readonly Origin[],
): Gradients {
  if (gradients.size === 0) return gradients;
  const mapped = (change: (gradient: Value) => Value): Gradients =>
    new Map(
      [...gradients].map(([parameter, gradient]) => [
        parameter,
        b.at(originsOf(parameter), () => change(gradient)),
      ]),
    );
  switch (clip.kind) {
    case "value":
      return mapped((gradient) => clampTo(b, gradient, clip.maxValue));
    case "norm": {
      const terms = mapped((gradient) => normTerm(b, gradient, clip.normType));
      const scale = normScale(b, [...terms.values()], clip.maxNorm, clip.normType);
      return mapped((gradient) => mul(b, gradient, scale));
    }
    default:
      return clip satisfies never;
  }
}

/** Every element within [-limit, limit] (torch.nn.utils.clip_grad_value_). */
const clampTo = (b: GraphBuilder, x: Value, limit: number): Node =>
  minimum(b, maximum(b, x, b.constant(-limit)), b.constant(limit));

/** The contribution of one gradient to the norm: its sum of `|g|^p`, or its largest element for the infinite norm. */
function normTerm(b: GraphBuilder, gradient: Value, p: number): Value {
  if (p === 2) return sum(b, mul(b, gradient, gradient), axesOf(gradient));
  const magnitude = abs(b, gradient);
  if (p === Number.POSITIVE_INFINITY) return max(b, magnitude, axesOf(gradient));
  return sum(b, p === 1 ? magnitude : power(b, magnitude, p), axesOf(gradient));
}

/** `min(maxNorm / (norm + 1e-6), 1)`, the norm being that of all gradients as one vector (clip_grad_norm_). */
function normScale(b: GraphBuilder, terms: readonly Value[], maxNorm: number, p: number): Value {
  const total = terms.reduce((x, y) => (p === Number.POSITIVE_INFINITY ? maximum(b, x, y) : add(b, x, y)));
  const norm = p === 2 ? sqrt(b, total) : isItself(p) ? total : power(b, total, 1 / p);
  const quotient = div(b, b.constant(maxNorm), add(b, norm, b.constant(EPSILON)));
  return minimum(b, quotient, b.constant(1));
}

/** Whether the norm is the total of its terms, without a root. */
const isItself = (p: number): boolean => p === 1 || p === Number.POSITIVE_INFINITY;

const power = (b: GraphBuilder, x: Value, exponent: number): Value => pow(b, x, b.constant(exponent));

const axesOf = ({ type }: Value): number[] => type.shape.map((_, axis) => axis);
