/**
 * A net as a list of steps over numbered values: plain data, so that PyTorch runs the same net
 * (test/fixtures/random_models.py reads the same steps).
 */

import { cat, nn, type Tensor } from "kiln-js";
import type { Draws } from "./random-catalogue/entry.ts";
import { FUNCTIONS } from "./random-catalogue/functions.ts";
import { LAYERS } from "./random-catalogue/layers.ts";
import type { LossEntry } from "./random-catalogue/losses.ts";

/** Each makes one more value from those before, which are named by their number; `weight` and `layer` count likewise. */
export type NetStep =
  | { readonly op: "layer"; readonly layer: number; readonly a: number }
  /** A layer that is called in its kind's way, with a second value of the same shape. */
  | {
      readonly op: "called";
      readonly layer: number;
      readonly kind: string;
      readonly a: number;
      readonly b: number;
      readonly draws: Draws;
    }
  | {
      readonly op: "function";
      readonly kind: string;
      readonly a: number;
      readonly b: number;
      readonly axis: number;
      readonly draws: Draws;
    }
  | { readonly op: "reshape"; readonly a: number; readonly shape: readonly number[] }
  /** Two values concatenated along the second axis. */
  | { readonly op: "concat"; readonly a: number; readonly b: number }
  /** The logistic map, or steps of an ODE: chains that use every value twice. */
  | { readonly op: "logistic" | "euler"; readonly a: number; readonly times: number }
  | {
      readonly op: "scale" | "shift" | "straight-through" | "half-detached";
      readonly a: number;
      readonly weight: number;
    }
  | {
      readonly op: "softmax-weight" | "log-softmax-weight";
      readonly a: number;
      readonly weight: number;
      readonly dim: number;
    }
  /** `a · b` without a gradient for `b`. */
  | { readonly op: "gate-detached"; readonly a: number; readonly b: number }
  | { readonly op: "peak" | "attend" | "in-place"; readonly a: number }
  | { readonly op: "center"; readonly a: number; readonly dims: readonly number[] }
  /** Squeeze-and-excitation: a factor for each channel, by two layers from the channels' means. */
  | { readonly op: "excite"; readonly a: number; readonly layers: readonly [number, number] };

/** The values, layers and weights that steps refer to by number. */
export interface Parts {
  readonly layers: readonly nn.Module[];
  readonly weights: readonly nn.Parameter[];
}

/** The result of a step on the values before it. */
export function nextValue(step: NetStep, values: readonly Tensor[], { layers, weights }: Parts): Tensor {
  const a = values[step.a];
  switch (step.op) {
    case "layer":
      return call(layers[step.layer], a);
    case "called":
      return calledLayer(step.kind, layers[step.layer], a, values[step.b], step.draws);
    case "function":
      return FUNCTIONS[step.kind](a, { y: values[step.b], axis: step.axis, ...step.draws });
    case "reshape":
      return a.reshape(step.shape);
    case "concat":
      return cat([a, values[step.b]], 1);
    case "logistic":
      return repeated(a.sigmoid(), step.times, (x) => x.mul(x.rsub(1)).mul(2.5));
    case "euler":
      return repeated(a, step.times, (x) => x.add(x.tanh().mul(0.1)));
    case "scale":
      return a.mul(weights[step.weight]);
    case "shift":
      return a.add(weights[step.weight]);
    case "straight-through": {
      const weight = weights[step.weight];
      return a.mul(weight.sign().add(weight).sub(weight.detach()));
    }
    case "half-detached": {
      const weight = weights[step.weight];
      return a.mul(weight.mul(weight.detach()));
    }
    case "softmax-weight":
      return a.mul(weights[step.weight].softmax(step.dim));
    case "log-softmax-weight":
      return a.add(weights[step.weight].logSoftmax(step.dim));
    case "gate-detached":
      return a.mul(values[step.b].detach());
    case "peak":
      return a.sub(a.amax(-1, true));
    case "attend": {
      const scores = a.matmul(a.transpose(-2, -1)).mul(0.3);
      return scores.softmax(-1).matmul(a);
    }
    case "in-place":
      return a.mul(2).add_(a).mul_(0.3);
    case "center":
      return a.sub(a.mean(step.dims, true));
    case "excite": {
      const means = a.mean(a.shape.slice(2).map((_, k) => k + 2));
      const [squeeze, excite] = step.layers.map((k) => layers[k]);
      const factors = call(excite, call(squeeze, means).relu()).sigmoid();
      return a.mul(factors.reshape(...a.shape.slice(0, 2), ...a.shape.slice(2).map(() => 1)));
    }
    default:
      return step satisfies never;
  }
}

export const call = (module: nn.Module, x: Tensor): Tensor => module.forward(x) as Tensor;

function calledLayer(kind: string, layer: nn.Module, x: Tensor, y: Tensor, draws: Draws): Tensor {
  const { entry } = LAYERS[kind];
  return typeof entry === "function" ? call(layer, x) : entry.call(layer, x, y, draws);
}

const repeated = (x: Tensor, times: number, next: (x: Tensor) => Tensor): Tensor =>
  Array.from({ length: times }).reduce<Tensor>((value) => next(value), x);

export class RandomNet extends nn.Module {
  readonly layers: nn.ModuleList;
  /** One for each output: it makes scores of a value, flattened. */
  readonly heads: nn.ModuleList;
  readonly #parts: Parts;
  readonly #steps: readonly NetStep[];
  readonly #outputs: readonly number[];

  constructor(
    parts: Parts,
    steps: readonly NetStep[],
    outputs: readonly number[],
    heads: readonly nn.Module[],
  ) {
    super();
    this.layers = new nn.ModuleList(parts.layers);
    for (const [k, weight] of parts.weights.entries()) Object.assign(this, { [`w${k}`]: weight });
    this.heads = new nn.ModuleList(heads);
    this.#parts = parts;
    this.#steps = steps;
    this.#outputs = outputs;
  }

  forward(...inputs: Tensor[]): Tensor[] {
    const values = [...inputs];
    for (const step of this.#steps) values.push(nextValue(step, values, this.#parts));
    return this.#outputs.map((value, k) => call(this.heads[k], values[value].flatten(1)));
  }

  override extraRepr(): string {
    return [...this.#steps.map((step) => JSON.stringify(step)), `outputs ${this.#outputs}`].join("\n");
  }
}

/** The loss of the first output, and half the squared error of each other one. */
export class JointLoss extends nn.Module {
  readonly #first: LossEntry;

  constructor(first: LossEntry) {
    super();
    this.#first = first;
  }

  forward(...tensors: Tensor[]): Tensor {
    const count = tensors.length / 2;
    const mse = new nn.MSELoss();
    return tensors
      .slice(1, count)
      .reduce<Tensor>(
        (loss, output, k) => loss.add(mse.forward(output, tensors[count + 1 + k]).mul(0.5)),
        this.#first.of(tensors[0], tensors[count]),
      );
  }
}
