/** Interpolation in every mode against PyTorch. */

import { F, nn, type Tensor } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

const f = (options: nn.InterpolateOptions) => () => (x: Tensor) => F.interpolate(x, options);

testModuleCases(
  "modules_interpolation",
  {
    Upsample: () => new nn.Upsample({ scaleFactor: 2 }),
    "Upsample to a size": () => new nn.Upsample([5, 7], { mode: "bilinear" }),
    "Upsample of two factors": () => new nn.Upsample(null, [2, 1.5], "bicubic", true),
    UpsamplingNearest2d: () => new nn.UpsamplingNearest2d([5, 2]),
    UpsamplingBilinear2d: () => new nn.UpsamplingBilinear2d({ scaleFactor: 2 }),
    "nearest of signals": f({ scaleFactor: 1.7 }),
    "nearest exact": f({ size: [2, 9], mode: "nearest-exact" }),
    "nearest of volumes": f({ scaleFactor: [2, 1, 3] }),
    linear: f({ scaleFactor: 2.4, mode: "linear" }),
    "linear, recomputed": f({ scaleFactor: 2.4, mode: "linear", recomputeScaleFactor: true }),
    "linear corners": f({ size: 1, mode: "linear", alignCorners: true }),
    "bilinear, smaller": f({ scaleFactor: 0.6, mode: "bilinear" }),
    bicubic: f({ scaleFactor: 2, mode: "bicubic" }),
    trilinear: f({ size: [3, 4, 2], mode: "trilinear" }),
    area: f({ size: [2, 3], mode: "area" }),
    "area of signals": f({ scaleFactor: 0.5, mode: "area" }),
  },
  ["wasm"],
);
