/** What `kiln train` measures on the test set after every epoch: a model's own metrics, or those that suit its data. */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { formatShape, sameShape, sizeOf } from "../../core/shape.ts";
import { Tensor } from "../../tensor/index.ts";
import type { ModelFile } from "../model-file.ts";

/** The model's output: one tensor, or several. */
type Outputs = Tensor | readonly Tensor[];

/** A mean over the samples of a batch; metrics of batches are averaged, weighted by their numbers of samples. */
export type Metric = (outputs: Outputs, target: Tensor) => number | Tensor | Promise<number | Tensor>;

export type Metrics = Readonly<Record<string, Metric>>;

const STANDARD = {
  accuracy: async (outputs, target) => {
    const scores = single("accuracy", outputs);
    const axis = classAxis(scores, target);
    if (axis === undefined) throw misfit("accuracy", "[N,C,…] and int32 [N,…]", scores, target);
    return accuracyOf(scores, target, axis);
  },
  mse: (outputs, target) => meanOfDifferences("mse", outputs, target, (difference) => difference ** 2),
  mae: (outputs, target) => meanOfDifferences("mae", outputs, target, Math.abs),
} satisfies Metrics;

type StandardName = keyof typeof STANDARD;
const NAMES = Object.keys(STANDARD) as readonly StandardName[];

/** The metrics that the model file exports, by name or as functions; undefined if it exports none. */
export function ownMetrics({ path, exported = {} }: ModelFile): Metrics | undefined {
  const { metrics } = exported;
  if (metrics === undefined) return undefined;
  const named = Array.isArray(metrics)
    ? metrics.map((name) => [String(name), STANDARD[name as StandardName]] as const)
    : Object.entries(Object(metrics) as object);
  const bad = named.find(([, metric]) => typeof metric !== "function");
  if (typeof metrics === "object" && metrics !== null && bad === undefined) return Object.fromEntries(named);
  const found = bad === undefined ? describeValue(metrics) : `one called ${JSON.stringify(bad[0])}`;
  throw new KilnError(
    `${path}'s metrics must be a list of ${NAMES.join(", ")}, or functions by name, such as ` +
      `{ error: (output, target) => output.sub(target).abs().mean() }; it has ${found}`,
  );
}

/** The metrics that suit a model's outputs and targets: accuracy for classes, mse and mae for numbers. */
export function usualMetrics(outputs: Outputs, target: Tensor): Metrics {
  if (!(outputs instanceof Tensor)) return {};
  if (classAxis(outputs, target) !== undefined) return { accuracy: STANDARD.accuracy };
  const { mse, mae } = STANDARD;
  return target.dtype === "float32" && sameShape(outputs.shape, target.shape) ? { mse, mae } : {};
}

/** The value of a metric for one batch. */
export async function measure(
  name: string,
  metric: Metric,
  outputs: Outputs,
  target: Tensor,
): Promise<number> {
  const value: unknown = await metric(outputs, target);
  const number = value instanceof Tensor ? await value.item() : value;
  if (typeof number === "number") return number;
  throw new KilnError(`the metric ${name} gives ${describeValue(value)}, where a number is expected`);
}

/**
 * The dimension of class scores, if the target has class numbers: 1, as for losses, or the last one
 * if only that fits, as in models of texts, whose losses flatten them. Undefined if these are not scores.
 */
function classAxis(scores: Tensor, target: Tensor): number | undefined {
  if (target.dtype !== "int32" || scores.ndim !== target.ndim + 1) return undefined;
  return [1, scores.ndim - 1].find((axis) => sameShape(scores.shape.toSpliced(axis, 1), target.shape));
}

/** The share of positions whose largest score is that of their class. */
async function accuracyOf(scores: Tensor, target: Tensor, axis: number): Promise<number> {
  const classes = scores.shape[axis];
  const inner = sizeOf(scores.shape.slice(axis + 1));
  const [numbers, wanted] = [await scores.data(), await target.data()];
  let right = 0;
  for (let place = 0; place < wanted.length; place++) {
    const first = Math.floor(place / inner) * classes * inner + (place % inner);
    let best = 0;
    for (let c = 1; c < classes; c++)
      if (numbers[first + c * inner] > numbers[first + best * inner]) best = c;
    if (best === wanted[place]) right++;
  }
  return right / wanted.length;
}

async function meanOfDifferences(
  name: string,
  outputs: Outputs,
  target: Tensor,
  measureOne: (difference: number) => number,
): Promise<number> {
  const output = single(name, outputs);
  if (!sameShape(output.shape, target.shape)) throw misfit(name, "one shape", output, target);
  const [numbers, wanted] = [await output.data(), await target.data()];
  let sum = 0;
  for (let k = 0; k < wanted.length; k++) sum += measureOne(numbers[k] - wanted[k]);
  return sum / wanted.length;
}

function single(name: string, outputs: Outputs): Tensor {
  if (outputs instanceof Tensor) return outputs;
  throw new KilnError(
    `the metric ${name} takes one output, and the model gives ${outputs.length}: export metrics of your own`,
  );
}

const misfit = (name: string, wanted: string, { dtype, shape }: Tensor, target: Tensor): KilnError =>
  new KilnError(
    `the metric ${name} takes an output and a target of ${wanted}, not ${dtype}${formatShape(shape)} and ` +
      `${target.dtype}${formatShape(target.shape)}`,
  );
