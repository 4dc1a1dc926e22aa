/**
 * The trainings that every peer runs: the same nets, the same initial weights, the same batches.
 *
 * All numbers come from the generator of the test fixtures, so that peers in other languages can make them too.
 * Tensors are seeded by `bench/WORKLOAD/KEY`, `bench/WORKLOAD/input/INDEX` and `bench/WORKLOAD/labels/INDEX`;
 * step number s trains on batch s mod `BATCHES`, with plain SGD at `LEARNING_RATE` on the mean cross-entropy.
 */

import { generate, initScale, labels, sizeOf } from "../../test/support/fixtures.ts";

export const LEARNING_RATE = 0.01;
export const CLASSES = 10;
/** How many different batches a training cycles through. */
export const BATCHES = 8;

/** A layer in plain words; a peer builds its own from it. Convolutions have stride 1. */
export type Layer =
  | {
      readonly kind: "conv";
      readonly name: string;
      readonly weight: readonly number[];
      readonly padding: number;
    }
  | { readonly kind: "linear"; readonly name: string; readonly weight: readonly number[] }
  | { readonly kind: "relu" }
  /** 2×2, stride 2. */
  | { readonly kind: "maxPool" }
  /** Channels first. */
  | { readonly kind: "flatten" };

export interface Workload {
  readonly name: string;
  /** The shape of one sample, channels first. */
  readonly sample: readonly number[];
  readonly layers: readonly Layer[];
}

const conv = (name: string, weight: number[], padding = 0): Layer => ({
  kind: "conv",
  name,
  weight,
  padding,
});
const linear = (name: string, outputs: number, inputs: number): Layer => ({
  kind: "linear",
  name,
  weight: [outputs, inputs],
});
const relu: Layer = { kind: "relu" };
const maxPool: Layer = { kind: "maxPool" };
const flatten: Layer = { kind: "flatten" };

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  lenet5: {
    name: "lenet5",
    sample: [1, 32, 32],
    layers: [
      conv("conv1", [6, 1, 5, 5]),
      relu,
      maxPool,
      conv("conv2", [16, 6, 5, 5]),
      relu,
      maxPool,
      flatten,
      linear("fc1", 120, 400),
      relu,
      linear("fc2", 84, 120),
      relu,
      linear("fc3", 10, 84),
    ],
  },
  cifar10: {
    name: "cifar10",
    sample: [3, 32, 32],
    layers: [
      conv("model.0", [32, 3, 5, 5], 2),
      maxPool,
      conv("model.2", [32, 32, 5, 5], 2),
      maxPool,
      conv("model.4", [64, 32, 5, 5], 2),
      maxPool,
      flatten,
      linear("model.7", 64, 1024),
      linear("model.8", 10, 64),
    ],
  },
  mlp: {
    name: "mlp",
    sample: [784],
    layers: [linear("fc1", 512, 784), relu, linear("fc2", 256, 512), relu, linear("fc3", 10, 256)],
  },
};

/** A layer that is trained. */
export type TrainedLayer = Extract<Layer, { name: string }>;

/** The trained layers with their positions in the workload. */
export function trainedLayers({ layers }: Workload): { layer: TrainedLayer; index: number }[] {
  return layers.flatMap((layer, index) => ("name" in layer ? [{ layer, index }] : []));
}

/** The initial weight and bias of a conv or linear layer, in PyTorch's layout. */
export function initialWeights(
  workload: Workload,
  layer: TrainedLayer,
): { weight: Float32Array; bias: Float32Array } {
  const scale = initScale(sizeOf(layer.weight.slice(1)));
  const base = `bench/${workload.name}/${layer.name}`;
  return {
    weight: generate(`${base}.weight`, sizeOf(layer.weight), scale),
    bias: generate(`${base}.bias`, layer.weight[0], scale),
  };
}

/** All initial parameters by state-dict key. */
export function initialParameters(workload: Workload): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const { layer } of trainedLayers(workload)) {
    const { weight, bias } = initialWeights(workload, layer);
    parameters.set(`${layer.name}.weight`, weight).set(`${layer.name}.bias`, bias);
  }
  return parameters;
}

/** The batches of a workload, channels first, with their class indices. */
export function batches(workload: Workload, batch: number): { input: Float32Array; target: Int32Array }[] {
  return Array.from({ length: BATCHES }, (_, i) => ({
    input: generate(`bench/${workload.name}/input/${i}`, batch * sizeOf(workload.sample)),
    target: labels(`bench/${workload.name}/labels/${i}`, batch, CLASSES),
  }));
}

/**
 * Shapes a layer sees, sample by sample: the shape that enters each layer, and at the end the one that leaves the
 * last.
 */
export function shapes(workload: Workload): (readonly number[])[] {
  const result: (readonly number[])[] = [workload.sample];
  for (const layer of workload.layers) {
    const shape = result[result.length - 1];
    const [channels, height, width] = shape;
    switch (layer.kind) {
      case "conv": {
        const grow = 2 * layer.padding + 1 - layer.weight[2];
        result.push([layer.weight[0], height + grow, width + grow]);
        break;
      }
      case "linear":
        result.push([layer.weight[0]]);
        break;
      case "maxPool":
        result.push([channels, height / 2, width / 2]);
        break;
      case "flatten":
        result.push([sizeOf(shape)]);
        break;
      case "relu":
        result.push(shape);
        break;
      default:
        layer satisfies never;
    }
  }
  return result;
}

/** Copies a dense tensor with its dimensions in another order: out dimension d is input dimension `order[d]`. */
export function transpose(
  values: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Float32Array<ArrayBuffer> {
  const strides = shape.map((_, d) => sizeOf(shape.slice(d + 1)));
  const outShape = order.map((d) => shape[d]);
  const outStrides = order.map((d) => strides[d]);
  const out = new Float32Array(values.length);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = values[from];
    for (let d = index.length - 1; d >= 0; d--) {
      from += outStrides[d];
      if (++index[d] < outShape[d]) break;
      from -= outStrides[d] * outShape[d];
      index[d] = 0;
    }
  }
  return out;
}

/**
 * The initial weight of a linear layer whose peer flattens channels last: the inputs of the layer after `flatten`
 * are permuted, the layout stays [outputs, inputs].
 */
export function linearWeightChannelsLast(workload: Workload, index: number): Float32Array {
  const layer = workload.layers[index];
  if (layer.kind !== "linear") throw new Error(`layer ${index} of ${workload.name} is not linear`);
  const { weight } = initialWeights(workload, layer);
  const flattened = flattenedBy(workload, index);
  return flattened === undefined ? weight : transpose(weight, [layer.weight[0], ...flattened], [0, 2, 3, 1]);
}

/** The inverse: such a layer's weight with its inputs channels first, as in PyTorch. */
export function linearWeightChannelsFirst(
  workload: Workload,
  index: number,
  weight: Float32Array,
): Float32Array {
  const flattened = flattenedBy(workload, index);
  if (flattened === undefined) return weight;
  const [channels, height, width] = flattened;
  const outputs = weight.length / (channels * height * width);
  return transpose(weight, [outputs, height, width, channels], [0, 3, 1, 2]);
}

/** The shape [channels, height, width] that was flattened just before a layer. */
function flattenedBy(workload: Workload, index: number): readonly number[] | undefined {
  return workload.layers[index - 1]?.kind === "flatten" ? shapes(workload)[index - 1] : undefined;
}
