/** Layers that compute nothing: they pass a tensor on, as it is or in another shape. */

import type { Tensor } from "../../tensor/tensor.ts";
import { flatten, unflatten } from "../functional/shape.ts";
import { Module } from "../module.ts";
import { Arguments, pythonSize } from "../options.ts";

/** Returns its input; a placeholder for another layer (torch.nn.Identity). */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** What {@link Flatten} takes, by name. */
export interface FlattenArguments {
  /** The first axis to join (default: 1). */
  readonly startDim?: number;
  /** The last axis to join (default: -1). */
  readonly endDim?: number;
}

/** Joins a range of axes into one, by default all but the batch (torch.nn.Flatten). */
export class Flatten extends Module {
  /** The first axis that is joined. */
  readonly startDim: number;
  /** The last axis that is joined. */
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

/** What {@link Unflatten} takes, by name. */
export interface UnflattenArguments {
  /** The axis to split. */
  readonly dim: number;
  /** The sizes of the axes that it becomes; one may be -1. */
  readonly unflattenedSize: readonly number[];
}

/** Splits an axis into several, as Flatten joins them (torch.nn.Unflatten). */
export class Unflatten extends Module {
  /** The axis that is split. */
  readonly dim: number;
  /** The extents that the axis is split into. */
  readonly unflattenedSize: readonly number[];

  constructor(dim: number, unflattenedSize: readonly number[]);
  constructor(options: UnflattenArguments);
  constructor(...given: unknown[]) {
    super();
    const options = new Arguments("Unflatten", given, ["dim", "unflattenedSize"]);
    this.dim = options.integer("dim", Number.NEGATIVE_INFINITY);
    this.unflattenedSize = options.integers("unflattenedSize");
  }

  forward(x: Tensor): Tensor {
    return unflatten(x, this.dim, this.unflattenedSize);
  }

  override extraRepr(): string {
    return `dim=${this.dim}, unflattened_size=${pythonSize(this.unflattenedSize)}`;
  }
}
