/** Traces a model for a comparison: for any batch, and without a mark on the model or on the user's random numbers. */

import { describeValue, isClass } from "../core/describe-value.ts";
import type { TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { checkLoss, checkModel, readTypes } from "../driver/options.ts";
import type { TensorType } from "../ir/types.ts";
import { generatorState, setGeneratorState } from "../tensor/index.ts";
import { programSeed } from "../tensor/random.ts";
import { inMode } from "../trace/mode.ts";
import { traceLoss, traceModel } from "../trace/trace.ts";
import type { Traced } from "./subject.ts";
import type { ComparedModel, CompareOptions } from "./types.ts";

/** A model and what it is to be traced on. */
export interface Traceables {
  readonly model: ComparedModel;
  readonly mode: "training" | "forward";
  readonly loss: CompareOptions["loss"];
  readonly inputs: readonly TensorType[];
  readonly targets: readonly TensorType[] | undefined;
}

/** What is asked for, checked; the batch is still that of `inputs`. */
export function traceables(model: ComparedModel, options: CompareOptions): Traceables {
  checkModel("compareBackends", model);
  const { loss, mode = loss === undefined ? "forward" : "training" } = options;
  if (mode !== "training" && mode !== "forward") {
    throw new KilnError(`mode must be training or forward, not ${JSON.stringify(mode)}`);
  }
  if (mode === "training" && loss === undefined) {
    throw new KilnError("a training step needs a loss, such as loss: new nn.CrossEntropyLoss()");
  }
  for (const name of ["targets", "optimizer"] as const) {
    if (mode === "training" || options[name] === undefined) continue;
    throw new KilnError(`${name} belongs to a training step: give a loss as well, or leave it out`);
  }
  if (mode === "training") checkLoss("compareBackends", loss);
  checkOptimizerMaker(options.optimizer);
  const inputs = readTypes(options.inputs, "inputs");
  if (inputs.length === 0)
    throw new KilnError("inputs must hold at least one shape, such as [64, 1, 32, 32]");
  return { model, mode, loss, inputs, targets: options.targets && readTypes(options.targets, "targets") };
}

/** A comparison trains copies of the parameters, and so an optimizer that is there already is of no use to it. */
function checkOptimizerMaker(optimizer: unknown): void {
  if (optimizer === undefined || (typeof optimizer === "function" && !isClass(optimizer))) return;
  throw new KilnError(
    "compareBackends trains copies of the parameters: optimizer must be a function that makes one for them, such as " +
      `(parameters) => new optim.SGD(parameters, { lr: 0.1 }), not ${describeValue(optimizer)}`,
  );
}

/** The batch: the first dimension of the first input. */
export function batchSizeOf({ inputs: [{ shape }] }: Traceables): number {
  if (shape.length === 0) throw new KilnError("the first input must have a batch, its first dimension");
  return shape[0];
}

/** The same for another batch: whatever has the batch in front gets the new one. */
export function withBatchSize(asked: Traceables, batchSize: number): Traceables {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new KilnError(`batchSize must be a whole number of at least 1, not ${batchSize}`);
  }
  const before = batchSizeOf(asked);
  const resized = ({ dtype, shape: [batch, ...rest] }: TensorType): TensorType => ({
    dtype,
    shape: batch === undefined ? [] : [batch === before ? batchSize : batch, ...rest],
  });
  return { ...asked, inputs: asked.inputs.map(resized), targets: asked.targets?.map(resized) };
}

/** Traces the model and copies the numbers of its states. */
export async function traced(asked: Traceables): Promise<Traced> {
  const seed = programSeed();
  const begin = performance.now();
  const trace = untouched(asked.model, asked.mode === "training", () =>
    asked.loss === undefined || asked.mode === "forward"
      ? traceModel(asked.model, asked.inputs)
      : traceLoss(asked.model, asked.loss, asked.inputs, asked.targets),
  );
  const milliseconds = performance.now() - begin;
  const numbers = new Map<string, TypedArray>();
  for (const [name, tensor] of trace.states) numbers.set(name, await tensor.data());
  return { trace, mode: asked.mode, numbers, seed, milliseconds };
}

/** Does `body` with the model in training or evaluation mode; random numbers go on as if `forward` had drawn none. */
function untouched<T>(model: ComparedModel, training: boolean, body: () => T): T {
  const generator = generatorState();
  try {
    return inMode(model, training, body);
  } finally {
    setGeneratorState(generator);
  }
}
