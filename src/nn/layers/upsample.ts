/** Layers that give signals, images and volumes another size. */

import type { Tensor } from "../../tensor/tensor.ts";
import {
  checkUpsampling,
  type InterpolationMode,
  type InterpolationSettings,
  interpolated,
  readInterpolation,
  type UpsampleOptions,
} from "../functional/interpolation.ts";
import { Module } from "../module.ts";
import { Arguments, pythonFloat, pythonSize } from "../options.ts";

type PerAxis = number | readonly number[];

abstract class AnyUpsample extends Module {
  /** The extents of the result, where `scaleFactor` does not say them. */
  readonly size: PerAxis | undefined;
  /** The factor by which the result is larger. */
  readonly scaleFactor: PerAxis | undefined;
  /** How values between pixels are interpolated. */
  readonly mode: InterpolationMode;
  /** Whether the corners of pictures stay where they are. */
  readonly alignCorners: boolean;
  /** Whether the factor follows from the rounded extents. */
  readonly recomputeScaleFactor: boolean;

  constructor(settings: InterpolationSettings) {
    super();
    this.size = settings.size;
    this.scaleFactor = settings.scaleFactor;
    this.mode = settings.mode;
    this.alignCorners = settings.alignCorners;
    this.recomputeScaleFactor = settings.recomputeScaleFactor;
  }

  forward(x: Tensor): Tensor {
    return interpolated(this.constructor.name, x, this);
  }

  override extraRepr(): string {
    const { size, scaleFactor } = this;
    const extent =
      scaleFactor === undefined
        ? `size=${pythonSize(size ?? null)}`
        : `scale_factor=${factorText(scaleFactor)}`;
    return `${extent}, mode='${this.mode}'`;
  }
}

const factorText = (factor: PerAxis): string =>
  typeof factor === "number"
    ? pythonFloat(factor)
    : `(${factor.map(pythonFloat).join(", ")}${factor.length === 1 ? "," : ""})`;

/** Signals [N,C,L], images [N,C,H,W] or volumes [N,C,D,H,W] in another size (torch.nn.Upsample). */
export class Upsample extends AnyUpsample {
  constructor(
    size?: PerAxis | null | UpsampleOptions,
    scaleFactor?: PerAxis | null | UpsampleOptions,
    mode?: InterpolationMode | UpsampleOptions,
    alignCorners?: boolean | null | UpsampleOptions,
    recomputeScaleFactor?: boolean | null,
  ) {
    super(readInterpolation("Upsample", [size, scaleFactor, mode, alignCorners, recomputeScaleFactor]));
  }
}

/** The named arguments of the two layers below. */
export type UpsamplingOptions = Pick<UpsampleOptions, "size" | "scaleFactor">;

function readUpsampling(
  callee: string,
  given: readonly unknown[],
  more: UpsampleOptions,
): InterpolationSettings {
  const options = new Arguments(callee, given, ["size", "scaleFactor"]);
  const named = Object.fromEntries(
    ["size", "scaleFactor"].flatMap((name) => (options.has(name) ? [[name, options.given(name)]] : [])),
  );
  const settings = readInterpolation(callee, [{ ...named, ...more }]);
  checkUpsampling(callee, settings.size ?? settings.scaleFactor);
  return settings;
}

/** Images with each pixel repeated (torch.nn.UpsamplingNearest2d). */
export class UpsamplingNearest2d extends AnyUpsample {
  constructor(size?: PerAxis | null | UpsamplingOptions, scaleFactor?: PerAxis | UpsamplingOptions) {
    super(readUpsampling("UpsamplingNearest2d", [size, scaleFactor], { mode: "nearest" }));
  }
}

/** Images with lines between their pixels, corners on corners (torch.nn.UpsamplingBilinear2d). */
export class UpsamplingBilinear2d extends AnyUpsample {
  constructor(size?: PerAxis | null | UpsamplingOptions, scaleFactor?: PerAxis | UpsamplingOptions) {
    super(
      readUpsampling("UpsamplingBilinear2d", [size, scaleFactor], { mode: "bilinear", alignCorners: true }),
    );
  }
}
