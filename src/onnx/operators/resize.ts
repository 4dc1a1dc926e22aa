/** Resizing and resampling of images. */

import * as F from "../../nn/functional/index.ts";
import { where } from "../../tensor/rearrange.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Call } from "../call.ts";
import type { Operator } from "../operator.ts";
import { axesOf } from "./define.ts";
import { type AxisResize, resizedAlong } from "./resize-axis.ts";

/** How the axes change that do. */
function plan(call: Call): readonly (AxisResize & { readonly axis: number })[] {
  const { shape } = call.value(0);
  const axes = axesOf(call.ints("axes") ?? shape.map((_, axis) => axis), shape.length);
  // Version 10 had only scales, as the second input.
  const [scalesAt, sizesAt] = call.opset < 11 ? [1, 9] : [2, 3];
  const listed = (position: number): readonly number[] | undefined => {
    const numbers = call.has(position) ? call.numbers(position) : [];
    return numbers.length === 0 ? undefined : numbers;
  };
  const wanted = listed(sizesAt);
  const scales = listed(scalesAt) ?? wanted?.map((size, k) => size / shape[axes[k]]);
  if (scales === undefined) return call.fail("it has neither sizes nor scales");
  const policy = call.string("keep_aspect_ratio_policy", ["stretch", "not_larger", "not_smaller"], "stretch");
  const common = policy === "not_larger" ? Math.min(...scales) : Math.max(...scales);
  const roi = listed(1);
  const coordinates = call.string(
    "coordinate_transformation_mode",
    [
      ...([
        "half_pixel",
        "half_pixel_symmetric",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
      ] as const),
      "tf_crop_and_resize",
    ],
    call.opset < 11 ? "asymmetric" : "half_pixel",
  );
  return axes.map((axis, k) => {
    const keeps = wanted !== undefined && policy !== "stretch";
    const scale = keeps ? common : scales[k];
    const size = keeps
      ? Math.floor(scale * shape[axis] + 0.5)
      : (wanted?.[k] ?? Math.floor(scale * shape[axis]));
    return {
      ...{ axis, scale, size, coordinates, extent: shape[axis] },
      region: coordinates === "tf_crop_and_resize" ? [roi?.[k] ?? 0, roi?.[k + axes.length] ?? 1] : [0, 1],
      mode: call.string("mode", ["nearest", "linear", "cubic"], "nearest"),
      rounding: call.string(
        "nearest_mode",
        ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"],
        call.opset < 11 ? "floor" : "round_prefer_floor",
      ),
      cubic: call.float("cubic_coeff_a", -0.75),
      excludesOutside: call.flag("exclude_outside"),
      antialias: call.flag("antialias"),
    };
  });
}

function resize(call: Call): Tensor {
  const given = call.tensor(0);
  const outside = call.float("extrapolation_value", 0);
  const resized = plan(call).reduce((x, along) => {
    const { image, isOutside } = resizedAlong(x, along.axis, along);
    return isOutside === undefined ? image : where(isOutside, outside, image);
  }, given.float());
  if (given.dtype === "float32") return resized;
  return (
    call.string("mode", ["nearest", "linear", "cubic"], "nearest") === "nearest" ? resized : resized.trunc()
  ).to(given.dtype);
}

/** The oldest form of Resize: only scales, from version 9 on as an input. */
function upsample(call: Call): Tensor {
  const { shape } = call.value(0);
  const scales = call.has(1) ? call.numbers(1) : (call.floats("scales") ?? call.fail("it has no scales"));
  const mode =
    call.string("mode", ["nearest", "linear", "bilinear"], "nearest") === "nearest" ? "nearest" : "linear";
  return scales.reduce(
    (x, scale, axis) =>
      resizedAlong(x, axis, {
        ...{ scale, mode, size: Math.floor(shape[axis] * scale), extent: shape[axis] },
        ...({ coordinates: "asymmetric", rounding: "floor", region: [0, 1] } as const),
        ...{ cubic: -0.75, excludesOutside: false, antialias: false },
      }).image,
    call.tensor(0),
  );
}

export const RESIZE: readonly Operator[] = [
  { name: "Resize", known: [1, 2, 3], run: resize },
  { name: "Upsample", known: [1], run: upsample },
  {
    name: "GridSample",
    run: (call) => {
      const mode = call.string("mode", ["linear", "nearest", "cubic", "bilinear", "bicubic"], "linear");
      const modes = {
        linear: "bilinear",
        bilinear: "bilinear",
        nearest: "nearest",
        cubic: "bicubic",
        bicubic: "bicubic",
      } as const;
      return F.gridSample(call.tensor(0), call.tensor(1), {
        mode: modes[mode],
        paddingMode: call.string("padding_mode", ["zeros", "border", "reflection"], "zeros"),
        alignCorners: call.flag("align_corners"),
      });
    },
  },
  {
    name: "AffineGrid",
    known: [1],
    run: (call) => F.affineGrid(call.tensor(0), [...call.numbers(1)], call.flag("align_corners")),
  },
];
