/** Layers that pool by the p-norm of each window. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  type LPPoolOptions,
  type LPPoolSettings,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  readLPPool,
} from "../functional/power-pooling.ts";
import { Module } from "../module.ts";
import {
  pythonFlag,
  pythonSize,
  type Rank,
  type Size,
  type Size1d,
  type Size2d,
  type Size3d,
} from "../options.ts";

/** What {@link LPPool} takes, by name. */
export interface LPPoolArguments<Extent = Size2d> extends LPPoolOptions<Extent> {
  /** The p of the norm. */
  readonly normType: number;
  /** The size of the window along each axis. */
  readonly kernelSize: Extent;
}

abstract class LPPool<R extends Rank> extends Module implements LPPoolSettings<Size<R>> {
  /** The power p of the sum. */
  readonly normType: number;
  /** The size of the window along each axis. */
  readonly kernelSize: Size<R>;
  /** The stride along each axis. */
  readonly stride: Size<R> | undefined;
  /** Whether the last window may extend beyond the padded input. */
  readonly ceilMode: boolean;

  constructor(callee: string, given: readonly unknown[], rank: R) {
    super();
    const settings = readLPPool(callee, given, rank);
    this.normType = settings.normType;
    this.kernelSize = settings.kernelSize;
    this.stride = settings.stride;
    this.ceilMode = settings.ceilMode;
  }

  override extraRepr(): string {
    const { normType, kernelSize, stride = null, ceilMode } = this;
    return (
      `norm_type=${normType}, kernel_size=${pythonSize(kernelSize)}, stride=${pythonSize(stride)}, ` +
      `ceil_mode=${pythonFlag(ceilMode)}`
    );
  }
}

/** `(Σ x^p)^(1/p)` over each window of signals [N,C,L] (torch.nn.LPPool1d). */
export class LPPool1d extends LPPool<1> {
  constructor(
    normType: number,
    kernelSize: Size1d,
    stride?: Size1d | null | LPPoolOptions<Size1d>,
    ceilMode?: boolean | LPPoolOptions<Size1d>,
  );
  constructor(options: LPPoolArguments<Size1d>);
  constructor(...given: unknown[]) {
    super("LPPool1d", given, 1);
  }

  forward(x: Tensor): Tensor {
    return lpPool1d(x, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}

/** `(Σ x^p)^(1/p)` over each window of images [N,C,H,W] (torch.nn.LPPool2d). */
export class LPPool2d extends LPPool<2> {
  constructor(
    normType: number,
    kernelSize: Size2d,
    stride?: Size2d | null | LPPoolOptions,
    ceilMode?: boolean | LPPoolOptions,
  );
  constructor(options: LPPoolArguments);
  constructor(...given: unknown[]) {
    super("LPPool2d", given, 2);
  }

  forward(x: Tensor): Tensor {
    return lpPool2d(x, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}

/** `(Σ x^p)^(1/p)` over each window of volumes [N,C,D,H,W] (torch.nn.LPPool3d). */
export class LPPool3d extends LPPool<3> {
  constructor(
    normType: number,
    kernelSize: Size3d,
    stride?: Size3d | null | LPPoolOptions<Size3d>,
    ceilMode?: boolean | LPPoolOptions<Size3d>,
  );
  constructor(options: LPPoolArguments<Size3d>);
  constructor(...given: unknown[]) {
    super("LPPool3d", given, 3);
  }

  forward(x: Tensor): Tensor {
    return lpPool3d(x, this.normType, this.kernelSize, this.stride, this.ceilMode);
  }
}
