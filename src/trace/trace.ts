/** Runs a model's forward once on symbolic tensors and records what it does as a graph. */

import { KilnError } from "../core/errors.ts";
import type { TensorType } from "../ir/types.ts";
import { mapTensors } from "../tensor/tensor-tree.ts";
import { saysNoTarget } from "./mistakes.ts";
import { tensorsIn } from "./returned.ts";
import { Session, type Trace } from "./session.ts";
import type { Traceable, TraceableLoss } from "./traceable.ts";
import { graphName } from "./value-names.ts";

export type { Trace, Traceable, TraceableLoss };

/** Traces `model` on inputs of the given types; the graph returns its results as `output`, `output1`, … */
export function traceModel(model: Traceable, inputs: readonly TensorType[]): Trace {
  return Session.run(model, false, (session) => {
    const result = session.forward(inputs);
    const outputs = tensorsIn(result);
    const trace = session.finish(
      graphName(model),
      outputs.map((tensor, k) => ({ name: k === 0 ? "output" : `output${k}`, tensor })),
    );
    let next = 0;
    return { ...trace, returned: mapTensors(result, () => next++) };
  });
}

/**
 * Traces `model` and then `loss` of what it returns and the targets; the graph returns the loss alone. What stands in a
 * list comes item by item, a list within it as it is.
 */
export function traceLoss(
  model: Traceable,
  loss: TraceableLoss,
  inputs: readonly TensorType[],
  targets?: readonly TensorType[],
): Trace {
  return Session.run(model, true, (session) => {
    const result = session.forward(inputs);
    const outputs = Array.isArray(result) ? result : [result];
    const types = targets ?? tensorsIn(result).map((output) => targetType(loss, output));
    return session.finish(graphName(model), [{ name: "loss", tensor: session.loss(loss, outputs, types) }]);
  });
}

function targetType(loss: TraceableLoss, output: TensorType): TensorType {
  if (loss.targetType !== undefined) return loss.targetType(output);
  throw new KilnError(saysNoTarget(loss.constructor.name));
}
