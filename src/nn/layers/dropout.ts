/** Dropout layers. They draw new numbers in each step, and the same ones again for the same seed and step. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  alphaDropout,
  dropout,
  dropout1d,
  dropout2d,
  dropout3d,
  featureAlphaDropout,
  probability,
} from "../functional/dropout.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFlag } from "../options.ts";

/** What {@link Dropout} takes, by name. */
export interface DropoutArguments {
  /** The probability that a number, or a channel, is set to 0 (default: 0.5). */
  readonly p?: number;
  /** Accepted for compatibility with PyTorch, without effect. */
  readonly inplace?: boolean;
}

abstract class AnyDropout extends Module {
  /** The probability that a number, or a channel, is dropped. */
  readonly p: number;
  /** Accepted for compatibility with PyTorch, without effect. */
  readonly inplace: boolean;

  constructor(p?: number | DropoutArguments, inplace?: boolean);
  constructor(...given: unknown[]) {
    super();
    const name = new.target.name;
    const options = new Arguments(name, given, ["p", "inplace"]);
    this.p = probability(name, options);
    this.inplace = options.flag("inplace", false);
  }

  override extraRepr(): string {
    return `p=${this.p}, inplace=${pythonFlag(this.inplace)}`;
  }
}

/** Sets each number to 0 with probability `p` while training and scales the rest by `1/(1-p)` (torch.nn.Dropout). */
export class Dropout extends AnyDropout {
  forward(x: Tensor): Tensor {
    return dropout(x, this.p, this.training);
  }
}

/** Drops whole channels of sequences [N,C,L] or [C,L] (torch.nn.Dropout1d). */
export class Dropout1d extends AnyDropout {
  forward(x: Tensor): Tensor {
    return dropout1d(x, this.p, this.training);
  }
}

/** Drops whole channels of images [N,C,H,W] (torch.nn.Dropout2d). */
export class Dropout2d extends AnyDropout {
  forward(x: Tensor): Tensor {
    return dropout2d(x, this.p, this.training);
  }
}

/** Drops whole channels of volumes [N,C,D,H,W] or [C,D,H,W] (torch.nn.Dropout3d). */
export class Dropout3d extends AnyDropout {
  forward(x: Tensor): Tensor {
    return dropout3d(x, this.p, this.training);
  }
}

/** Dropout for nets of SELU, which keeps mean and variance (torch.nn.AlphaDropout). */
export class AlphaDropout extends AnyDropout {
  forward(x: Tensor): Tensor {
    return alphaDropout(x, this.p, this.training);
  }
}

/** AlphaDropout of whole channels of [N,C,…] (torch.nn.FeatureAlphaDropout). */
export class FeatureAlphaDropout extends AnyDropout {
  forward(x: Tensor): Tensor {
    return featureAlphaDropout(x, this.p, this.training);
  }
}
