/** Runs a model's forward once on symbolic tensors and records what it does as a graph. */

import { KilnError } from "../core/errors.ts";
import type { TensorType } from "../ir/types.ts";
import type { UpdatedTogether } from "../tensor/step-recorder.ts";
import { Tensor } from "../tensor/tensor.ts";
import { mapTensors } from "../tensor/tensor-tree.ts";
import type { Bundle } from "./bundle.ts";
import { saysNoTarget } from "./mistakes.ts";
import { lossesOf, metricOf } from "./objective.ts";
import { mistakeInStep, tensorsIn } from "./returned.ts";
import { Session, type Trace } from "./session.ts";
import type { Stepped } from "./step-events.ts";
import type { Metric, Passed, Traceable, TraceableLoss, TraceableStep } from "./traceable.ts";
import { graphName } from "./value-names.ts";

export type { Metric, Trace, Traceable, TraceableLoss, TraceableStep };

/** What a training step returns in addition to its loss. */
export interface StepParts {
  /** What the model returned. */
  readonly outputs?: boolean;
  /** All that the loss returned, by name. */
  readonly losses?: boolean;
  readonly metrics?: Readonly<Record<string, Metric>> | undefined;
}

/** The outputs of a graph, and the position of each in a run's result. */
class GraphOutputs {
  readonly list: { name: string; tensor: Tensor }[] = [];

  /** Adds an output of that name; its position. */
  add(name: string, tensor: Tensor): number {
    return this.list.push({ name, tensor }) - 1;
  }

  /** Adds all tensors in lists and records as `output`, `output1`, …; the lists and records with their positions. */
  addAll(result: unknown): unknown {
    let count = 0;
    return mapTensors(result, (tensor) => this.add(count++ === 0 ? "output" : `output${count - 1}`, tensor));
  }
}

/**
 * Traces `model` on inputs of the given types; the graph returns its results as `output`, `output1`, … A `carried`
 * state goes from one run into the next.
 */
export function traceModel(model: Traceable, inputs: readonly TensorType[], passed: Passed = {}): Trace {
  return Session.run(model, "forward", (session) => {
    const outputs = new GraphOutputs();
    const returned = outputs.addAll(session.forward(inputs, passed));
    return { ...session.finish(graphName(model), outputs.list), returned };
  });
}

/**
 * Traces `model` and then `loss` of its results and the targets. The graph returns the loss, then the results requested
 * by `parts`. A list of results is passed to the loss as separate arguments, a list within it as it is.
 */
export function traceLoss(
  model: Traceable,
  loss: TraceableLoss,
  inputs: readonly TensorType[],
  targetTypes?: readonly TensorType[],
  parts: StepParts = {},
  passed: Passed = {},
): Trace {
  return Session.run(model, "training", (session) => {
    const result = session.forward(inputs, passed);
    const given = Array.isArray(result) ? result : [result];
    const types = targetTypes ?? tensorsIn(result).map((output) => targetType(loss, output));
    const targets = session.targets(types);
    const losses = lossesOf(session, loss, given, targets);
    const outputs = new GraphOutputs();
    const returned = {
      loss: outputs.add("loss", losses.loss),
      ...(parts.losses && {
        losses: mapValues(losses, (tensor, name) =>
          name === "loss" ? 0 : outputs.add(`loss.${name}`, tensor),
        ),
      }),
      ...(parts.metrics && {
        metrics: mapValues(parts.metrics, (metric, name) =>
          outputs.add(`metric.${name}`, metricOf(session, name, metric, [...given, ...targets])),
        ),
      }),
      ...(parts.outputs && { outputs: outputs.addAll(single(result)) }),
    };
    return {
      ...session.finish(graphName(model), outputs.list),
      ...(Object.values(parts).some(Boolean) && { returned }),
      losses: Object.keys(losses),
    };
  });
}

/** A whole training step, with its backward passes and updates. */
export interface StepTrace extends Trace {
  /** Its optimizers' steps, in order; what reads the scalars of each number. */
  readonly steps: readonly Stepped[];
  readonly updates: readonly UpdatedTogether[];
  /** The number of the graph's first outputs that are losses, for which `backward` was called. */
  readonly lossCount: number;
}

/**
 * Traces a function that computes losses with the modules of `bundle`, calls their `backward` and has optimizers step.
 */
export function traceStep(step: TraceableStep, bundle: Bundle, inputs: readonly TensorType[]): StepTrace {
  return Session.run(bundle, "step", (session) => {
    const result = session.wholeStep(step, inputs);
    const mistake = mistakeInStep(result, step.name);
    if (mistake !== undefined) throw new KilnError(mistake);
    const { losses, steps, updates } = session.step!;
    session.step!.check();
    const outputs = new GraphOutputs();
    for (const [k, loss] of losses.entries()) outputs.add(`loss${k || ""}`, loss);
    const returned = outputs.addAll(result);
    const trace = session.finish(graphName(step), outputs.list);
    return { ...trace, returned, steps, updates, lossCount: losses.length };
  });
}

/** A list of one tensor is given as that one. */
const single = (result: unknown): unknown =>
  Array.isArray(result) && result.length === 1 && result[0] instanceof Tensor ? result[0] : result;

const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  f: (value: A, name: string) => B,
): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));

function targetType(loss: TraceableLoss, output: TensorType): TensorType {
  if (loss.targetType !== undefined) return loss.targetType(output);
  throw new KilnError(saysNoTarget(loss.constructor.name));
}
