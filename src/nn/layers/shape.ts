/** Layers that compute nothing: they pass a tensor on, as it is or in another shape. */

import type { Tensor } from "../../tensor/tensor.ts";
import { flatten } from "../functional/shape.ts";
import { Module } from "../module.ts";
import { Arguments } from "../options.ts";

/** Gives its input back; a place holder for another layer (torch.nn.Identity). */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

export interface FlattenArguments {
  /** The first axis to join; 1 unless told. */
  readonly startDim?: number;
  /** The last axis to join; -1 unless told. */
  readonly endDim?: number;
}

/** Joins a range of axes into one, by default all but the batch (torch.nn.Flatten). */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim?: number, endDim?: number | FlattenArguments);
  constructor(options?: FlattenArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("Flatten", given, ["startDim", "endDim"]);
    this.startDim = options.integer("startDim", Number.NEGATIVE_INFINITY, 1);
    this.endDim = options.integer("endDim", Number.NEGATIVE_INFINITY, -1);
  }

  forward(x: Tensor): Tensor {
    return flatten(x, this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }
}
