/** Traces a model for a comparison: for any batch, and without a mark on the model or on the user's random numbers. */

import type { TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { InputSpec } from "../driver/build.ts";
import type { TensorType } from "../ir/types.ts";
import { generatorState, setGeneratorState } from "../tensor/index.ts";
import { programSeed } from "../tensor/random.ts";
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
  const inputs = typesOf(options.inputs, "inputs");
  if (inputs.length === 0)
    throw new KilnError("inputs must hold at least one shape, such as [64, 1, 32, 32]");
  return { model, mode, loss, inputs, targets: options.targets && typesOf(options.targets, "targets") };
}

function typesOf(specs: readonly InputSpec[], what: string): readonly TensorType[] {
  if (!Array.isArray(specs))
    throw new KilnError(`${what} must be a list of shapes, such as [[64, 1, 32, 32]]`);
  return specs.map((spec: InputSpec): TensorType => {
    const { shape, dtype = "float32" } = isShape(spec) ? { shape: spec } : spec;
    if (!isShape(shape) || shape.some((extent) => !Number.isInteger(extent) || extent < 1)) {
      throw new KilnError(
        `${what} must hold shapes of positive whole numbers, such as [64, 1, 32, 32], not ${JSON.stringify(spec)}`,
      );
    }
    return { shape, dtype };
  });
}

const isShape = (spec: InputSpec): spec is Shape => Array.isArray(spec);

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

/**
 * Does `body` with the model in training or evaluation mode. Afterwards every module is in the mode it was in, which need
 * not be the same for all, and random numbers go on as if `forward` had drawn none.
 */
function untouched<T>(model: ComparedModel, training: boolean, body: () => T): T {
  const modes = [...model.namedModules()].map(
    ([, module]) => [module, Reflect.get(module, "training")] as const,
  );
  const generator = generatorState();
  model.train(training);
  try {
    return body();
  } finally {
    for (const [module, mode] of modes) Reflect.set(module, "training", mode);
    setGeneratorState(generator);
  }
}
