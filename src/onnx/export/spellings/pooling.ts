/** Pools of planes. */

import type { Shape } from "../../../core/shape.ts";
import { ints } from "../../../ops/definition.ts";
import type { Call, Spelling } from "../spelling.ts";

const size = (shape: Shape): Shape => shape.slice(2);

/** Windows of a fixed size; if the last ones reach beyond the padding, it is wider at the end. */
function fixedWindows({ inputs: [x], attrs, output }: Call) {
  const [kernel, stride, padding] = ["kernel", "stride", "padding"].map((name) => ints(attrs, name));
  const dilation = attrs.dilation === undefined ? [1, 1] : ints(attrs, "dilation");
  const end = [0, 1].map((k) => {
    const reach = (size(output.shape)[k] - 1) * stride[k] + dilation[k] * (kernel[k] - 1) + 1;
    return Math.max(0, reach - size(x.shape)[k] - padding[k]);
  });
  return { kernel_shape: kernel, strides: stride, pads: [...padding, ...end], dilations: dilation };
}

/** The requested number of windows; undefined if they differ in size. */
function evenWindows({ inputs: [x], output }: Call) {
  const [from, to] = [size(x.shape), size(output.shape)];
  if (from.some((extent, k) => extent === 0 || extent % to[k] !== 0)) return undefined;
  const kernel = from.map((extent, k) => extent / to[k]);
  return { kernel_shape: kernel, strides: kernel };
}

const isOne = (shape: Shape): boolean => size(shape).every((extent) => extent === 1);

const adaptive =
  (pool: string): Spelling =>
  (call) => {
    const { w, inputs, output } = call;
    const [{ name, shape }] = inputs;
    if (shape.includes(0)) return undefined;
    if (isOne(output.shape)) return w.node(`Global${pool}`, [name]);
    const windows = evenWindows(call);
    return windows && w.node(pool, [name], windows);
  };

/** Pools with empty windows are left to the lowering. */
const hasWindows = ({ inputs: [x], output }: Call): boolean =>
  !x.shape.includes(0) && !output.shape.includes(0);

const average: Spelling = (call) => {
  const { w, inputs, attrs } = call;
  if (attrs.divisorOverride !== undefined || !hasWindows(call)) return undefined;
  const { dilations: _, ...windows } = fixedWindows(call);
  const padding = ints(attrs, "padding");
  const counts = attrs.countIncludePad === true;
  // PyTorch counts the padding, but nothing beyond it.
  const goesBeyond = windows.pads.slice(2).some((end, k) => end > padding[k]);
  if (counts && goesBeyond) return undefined;
  return w.node("AveragePool", [inputs[0].name], { ...windows, count_include_pad: counts ? 1 : 0 });
};

export const POOLING = {
  max_pool2d: (call) =>
    hasWindows(call) ? call.w.node("MaxPool", [call.inputs[0].name], fixedWindows(call)) : undefined,
  adaptive_max_pool2d: adaptive("MaxPool"),
  avg_pool2d: average,
  adaptive_avg_pool2d: adaptive("AveragePool"),
} as const satisfies Readonly<Record<string, Spelling>>;
