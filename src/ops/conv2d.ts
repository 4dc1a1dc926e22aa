/**
 * Two-dimensional convolution and its two gradients. All three are contractions over the same affine
 * geometry: output position `y`, tap `ky` and input row `y·stride + ky·dilation - padding`.
 */

import { KilnError } from "../core/errors.ts";
import type { Layout } from "../core/layout.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import { add, and, compare, div, float, inRange, int, mod, mul, reduce, select, sub } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { PAIR, PAIR_FROM_0 } from "./declaration.ts";
import {
  describe,
  f32,
  ints,
  number,
  type OpDef,
  type Operand,
  requireFloat,
  type Sample,
} from "./definition.ts";
import { at, generate, type NdArray, sumOver } from "./ndarray.ts";

/** Extent of the result along one axis (torch.nn.Conv2d, "Shape"). */
export function windowExtent(
  input: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): number {
  return Math.floor((input + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** How taps of the kernel map output positions to input positions. */
export interface Geometry {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

export const geometryOf = (attrs: Attrs): Geometry => ({
  stride: ints(attrs, "stride"),
  padding: ints(attrs, "padding"),
  dilation: ints(attrs, "dilation"),
  groups: number(attrs, "groups"),
});

/** The input row that tap `k` reads for output row `y`; it may fall into the padding. */
const inputPosition = (g: Geometry, axis: 0 | 1, y: Expr, k: Expr): Expr =>
  sub(add(mul(y, int(g.stride[axis])), mul(k, int(g.dilation[axis]))), int(g.padding[axis]));

const inputRow = (g: Geometry, axis: 0 | 1, y: number, k: number): number =>
  y * g.stride[axis] + k * g.dilation[axis] - g.padding[axis];

const inside = (position: number, extent: number): boolean => position >= 0 && position < extent;

export const GEOMETRY = "Attributes: `stride`, `padding`, `dilation` as [rows, columns], and `groups`.";

/** The declaration of the attributes that {@link GEOMETRY} describes. */
export const GEOMETRY_ATTRIBUTES = {
  stride: PAIR,
  padding: PAIR_FROM_0,
  dilation: PAIR,
  groups: { kind: "int", least: 1 },
} as const;

function inferConv2d(inputs: readonly TensorType[], attrs: Attrs): TensorType {
  const [x, weight, bias] = inputs;
  requireFloat("conv2d", inputs);
  const g = geometryOf(attrs);
  if (x.shape.length === 3) {
    throw new KilnError(
      `conv2d expects a batch of images [N,C,H,W] but got ${describe(x)}: add the batch dimension with unsqueeze(0)`,
    );
  }
  if (x.shape.length !== 4 || weight.shape.length !== 4) {
    throw new KilnError(
      `conv2d expects [N,C,H,W] and a weight [out,in,kH,kW] but got ${describe(x)} and ${describe(weight)}`,
    );
  }
  const [n, channels, height, width] = x.shape;
  if (height === 0 || width === 0)
    throw new KilnError(
      `conv2d expects images with pixels but got ${describe(x)}; only the batch may be empty`,
    );
  const [outChannels, groupChannels, kh, kw] = weight.shape;
  if (channels !== groupChannels * g.groups) {
    throw new KilnError(
      `conv2d expects ${groupChannels * g.groups} input channels (weight ${formatShape(weight.shape)}` +
        `${g.groups === 1 ? "" : `, ${g.groups} groups`}) but got ${channels} in ${describe(x)}`,
    );
  }
  if (outChannels % g.groups !== 0) {
    throw new KilnError(`conv2d cannot divide ${outChannels} output channels into ${g.groups} groups`);
  }
  if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== outChannels)) {
    throw new KilnError(`conv2d expects a bias [${outChannels}] but got ${describe(bias)}`);
  }
  const oh = windowExtent(height, kh, g.stride[0], g.padding[0], g.dilation[0]);
  const ow = windowExtent(width, kw, g.stride[1], g.padding[1], g.dilation[1]);
  if (oh < 1 || ow < 1) {
    throw new KilnError(`conv2d's kernel ${kh}×${kw} does not fit into the input ${describe(x)}`);
  }
  return { dtype: "float32", shape: [n, outChannels, oh, ow] };
}

/**
 * [out, rows, columns, in] of a weight. Both gradients of a convolution step through a row of taps and channels
 * contiguously: the input gradient reads the weights in place and the weight gradient writes its sums in place.
 * With [out, in, rows, columns] both needed a copy in every step, and with the outputs innermost each still needs one;
 * the copy that the forward pass makes for its lanes costs the same from any of them. (A linear layer's weight
 * is read in place by forward and backward alike as [out, in]; as [in, out] steps took longer.)
 */
export const CHANNELS_INNERMOST: Layout = [0, 2, 3, 1];

/**
 * Whether neighbouring outputs read neighbouring inputs of all
 * channels, so that a kernel can visit only the nonzero ones.
 */
const isUnit = (attrs: Attrs): boolean =>
  ["stride", "dilation"].every((name) => ints(attrs, name).every((v) => v === 1)) &&
  number(attrs, "groups") === 1;

const conv2d: OpDef = {
  name: "conv2d",
  doc: `Cross-correlation of x[N,C,H,W] with weight[O,C/groups,kH,kW] plus an optional bias[O] (torch.nn.functional.conv2d). ${GEOMETRY}`,
  arity: [2, 3],
  attributes: GEOMETRY_ATTRIBUTES,
  pattern: "contraction",
  wantedLayouts: [undefined, CHANNELS_INNERMOST],
  infer: inferConv2d,
  vjp(b, ct, [x, weight, bias], _out, attrs) {
    return [
      b.node("conv2d_input_grad", [ct, weight], { ...attrs, inputSize: x.type.shape.slice(2) }),
      b.node("conv2d_weight_grad", [x, ct], { ...attrs, kernelSize: weight.type.shape.slice(2) }),
      ...(bias === undefined ? [] : [b.node("sum", [ct], { axes: [0, 2, 3], keepdim: false })]),
    ];
  },
  backward: { name: "ConvolutionBackward" },
  lower([x, weight, bias], _output, attrs) {
    const g = geometryOf(attrs);
    const [, , height, width] = x.type.shape;
    const [outChannels, channels, kh, kw] = weight.type.shape;
    const perGroup = outChannels / g.groups;
    return ([n, co, oy, ox]) => {
      const first = mul(div(co, int(perGroup)), int(g.groups === 1 ? 0 : channels));
      const sum = reduce("sum", taps(channels, kh, kw), ([ci, ky, kx]) => {
        const y = inputPosition(g, 0, oy, ky);
        const xx = inputPosition(g, 1, ox, kx);
        const pixel = select(
          and(inRange(y, height), inRange(xx, width)),
          x.at([n, add(first, ci), y, xx]),
          float(0),
        );
        return mul(pixel, weight.at([co, ci, ky, kx]));
      });
      return bias === undefined ? sum : add(sum, bias.at([co]));
    };
  },
  reference([x, weight, bias], output, attrs) {
    const g = geometryOf(attrs);
    const [outChannels, channels, kh, kw] = weight.shape;
    return generate(output.shape, ([n, co, oy, ox]) => {
      const first = Math.floor(co / (outChannels / g.groups)) * channels;
      const sum = sumOver([channels, kh, kw], ([ci, ky, kx]) => {
        const y = inputRow(g, 0, oy, ky);
        const xx = inputRow(g, 1, ox, kx);
        if (!inside(y, x.shape[2]) || !inside(xx, x.shape[3])) return 0;
        return at(x, [n, first + ci, y, xx]) * at(weight, [co, ci, ky, kx]);
      });
      return sum + (bias === undefined ? 0 : at(bias, [co]));
    });
  },
  samples: () =>
    GEOMETRIES.map(({ x, weight, attrs }, k): Sample => {
      const bias = k % 2 === 0 ? [f32(weight[0])] : [];
      return { inputs: [f32(...x), f32(...weight), ...bias], attrs };
    }),
};

/** Throws unless every input of a gradient has batch, channels, rows and columns. */
function requirePlanes(op: string, inputs: readonly TensorType[]): void {
  for (const type of inputs) {
    if (type.shape.length !== 4) throw new KilnError(`${op} expects four axes but got ${describe(type)}`);
  }
}

/** Throws unless a cotangent has the type of the result it belongs to. */
function requireResult(op: string, cotangent: TensorType, result: TensorType): void {
  if (!sameShape(cotangent.shape, result.shape))
    throw new KilnError(`${op} expects a cotangent ${describe(result)} but got ${describe(cotangent)}`);
}

const taps = (channels: number, kh: number, kw: number) => [
  { name: "ci", extent: channels },
  { name: "ky", extent: kh },
  { name: "kx", extent: kw },
];

const inputGrad: OpDef = {
  name: "conv2d_input_grad",
  doc: `The gradient of conv2d for its input: cotangent[N,O,oH,oW] and weight → [N,C,H,W] with \`inputSize\` [H,W] (the transposed convolution). ${GEOMETRY}`,
  arity: 2,
  attributes: { ...GEOMETRY_ATTRIBUTES, inputSize: PAIR_FROM_0 },
  pattern: "contraction",
  wantedLayouts: [undefined, CHANNELS_INNERMOST],
  skipsZerosOf: (attrs) => (isUnit(attrs) ? 0 : undefined),
  infer([ct, weight], attrs) {
    requireFloat("conv2d_input_grad", [ct, weight]);
    requirePlanes("conv2d_input_grad", [ct, weight]);
    const channels = weight.shape[1] * number(attrs, "groups");
    const x = f32(ct.shape[0], channels, ...ints(attrs, "inputSize"));
    requireResult("conv2d_input_grad", ct, inferConv2d([x, weight], attrs));
    return x;
  },
  vjp(b, cotangent, [ct, weight], _out, attrs) {
    const { inputSize: _, ...geometry } = attrs;
    return [
      b.node("conv2d", [cotangent, weight], geometry),
      b.node("conv2d_weight_grad", [cotangent, ct], { ...geometry, kernelSize: weight.type.shape.slice(2) }),
    ];
  },
  backward: { name: "ConvolutionBackwardBackward" },
  lower: ([ct, weight], _output, attrs) => scatteredSum(ct, weight, geometryOf(attrs)),
  reference([ct, weight], output, attrs) {
    const element = scatteredSumReference(ct, weight, geometryOf(attrs));
    return generate(output.shape, element);
  },
  samples: () =>
    GEOMETRIES.map(({ x, weight, attrs }): Sample => {
      const out = inferConv2d([f32(...x), f32(...weight)], attrs);
      return { inputs: [out, f32(...weight)], attrs: { ...attrs, inputSize: x.slice(2) } };
    }),
};

/** The element of a convolution's input to which every output that reads it adds its value times the weight. */
export function scatteredSum(ct: Operand, weight: Operand, g: Geometry): (indices: readonly Expr[]) => Expr {
  const [, , oh, ow] = ct.type.shape;
  const [outChannels, channels, kh, kw] = weight.type.shape;
  const perGroup = outChannels / g.groups;
  return ([n, c, y, x]) => {
    const group = div(c, int(channels));
    const ci = g.groups === 1 ? c : mod(c, int(channels));
    return reduce(
      "sum",
      [
        { name: "co", extent: perGroup },
        { name: "ky", extent: kh },
        { name: "kx", extent: kw },
      ],
      ([k, ky, kx]) => {
        const co = g.groups === 1 ? k : add(mul(group, int(perGroup)), k);
        const [row, rowFits] = outputPosition(g, 0, y, ky, oh);
        const [column, columnFits] = outputPosition(g, 1, x, kx, ow);
        const value = select(and(rowFits, columnFits), ct.at([n, co, row, column]), float(0));
        return mul(value, weight.at([co, ci, ky, kx]));
      },
    );
  };
}

/** The same in numbers. */
export function scatteredSumReference(
  ct: NdArray,
  weight: NdArray,
  g: Geometry,
): (index: readonly number[]) => number {
  const [outChannels, channels, kh, kw] = weight.shape;
  const perGroup = outChannels / g.groups;
  return ([n, c, y, x]) =>
    sumOver([perGroup, ct.shape[2], ct.shape[3], kh, kw], ([k, oy, ox, ky, kx]) => {
      if (inputRow(g, 0, oy, ky) !== y || inputRow(g, 1, ox, kx) !== x) return 0;
      const co = Math.floor(c / channels) * perGroup + k;
      return at(ct, [n, co, oy, ox]) * at(weight, [co, c % channels, ky, kx]);
    });
}

/** The output row whose tap `k` reads input row `y`, and the condition under which there is one. */
function outputPosition(g: Geometry, axis: 0 | 1, y: Expr, k: Expr, extent: number): readonly [Expr, Expr] {
  const shifted = sub(add(y, int(g.padding[axis])), mul(k, int(g.dilation[axis])));
  const stride = g.stride[axis];
  const position = div(shifted, int(stride));
  const fits = inRange(position, extent);
  return [position, stride === 1 ? fits : and(compare("eq", mod(shifted, int(stride)), int(0)), fits)];
}

const weightGrad: OpDef = {
  name: "conv2d_weight_grad",
  doc: `The gradient of conv2d for its weight: x[N,C,H,W] and cotangent[N,O,oH,oW] → [O,C/groups,kH,kW] with \`kernelSize\` [kH,kW]. ${GEOMETRY}`,
  arity: 2,
  attributes: { ...GEOMETRY_ATTRIBUTES, kernelSize: PAIR_FROM_0 },
  pattern: "contraction",
  skipsZerosOf: (attrs) => (isUnit(attrs) ? 1 : undefined),
  isWeightGradient: true,
  infer([x, ct], attrs) {
    requireFloat("conv2d_weight_grad", [x, ct]);
    requirePlanes("conv2d_weight_grad", [x, ct]);
    const [channels, groups] = [x.shape[1], number(attrs, "groups")];
    if (channels % groups !== 0) {
      throw new KilnError(
        `conv2d_weight_grad cannot divide the ${channels} channels of ${describe(x)} into ${groups} groups`,
      );
    }
    const weight = f32(ct.shape[1], channels / groups, ...ints(attrs, "kernelSize"));
    requireResult("conv2d_weight_grad", ct, inferConv2d([x, weight], attrs));
    return weight;
  },
  vjp(b, cotangent, [x, ct], _out, attrs) {
    const { kernelSize: _, ...geometry } = attrs;
    return [
      b.node("conv2d_input_grad", [ct, cotangent], { ...geometry, inputSize: x.type.shape.slice(2) }),
      b.node("conv2d", [x, cotangent], geometry),
    ];
  },
  backward: { name: "ConvolutionBackwardBackward" },
  lower([x, ct], output, attrs) {
    const g = geometryOf(attrs);
    const [batch, , height, width] = x.type.shape;
    const [, , oh, ow] = ct.type.shape;
    const [outChannels, channels] = output.shape;
    const perGroup = outChannels / g.groups;
    return ([co, ci, ky, kx]) => {
      const first = mul(div(co, int(perGroup)), int(g.groups === 1 ? 0 : channels));
      return reduce(
        "sum",
        [
          { name: "n", extent: batch },
          { name: "oy", extent: oh },
          { name: "ox", extent: ow },
        ],
        ([n, oy, ox]) => {
          const y = inputPosition(g, 0, oy, ky);
          const xx = inputPosition(g, 1, ox, kx);
          const pixel = select(
            and(inRange(y, height), inRange(xx, width)),
            x.at([n, add(first, ci), y, xx]),
            float(0),
          );
          return mul(ct.at([n, co, oy, ox]), pixel);
        },
      );
    };
  },
  reference([x, ct], output, attrs) {
    const g = geometryOf(attrs);
    const [outChannels, channels] = output.shape;
    return generate(output.shape, ([co, ci, ky, kx]) => {
      const first = Math.floor(co / (outChannels / g.groups)) * channels;
      return sumOver([x.shape[0], ct.shape[2], ct.shape[3]], ([n, oy, ox]) => {
        const y = inputRow(g, 0, oy, ky);
        const xx = inputRow(g, 1, ox, kx);
        if (!inside(y, x.shape[2]) || !inside(xx, x.shape[3])) return 0;
        return at(ct, [n, co, oy, ox]) * at(x, [n, first + ci, y, xx]);
      });
    });
  },
  samples: () =>
    GEOMETRIES.map(({ x, weight, attrs }): Sample => {
      const out = inferConv2d([f32(...x), f32(...weight)], attrs);
      return { inputs: [f32(...x), out], attrs: { ...attrs, kernelSize: weight.slice(2) } };
    }),
};

const UNIT = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };

/** Every option at least once, odd sizes, extents that no register tile divides. */
const GEOMETRIES: readonly { x: readonly number[]; weight: readonly number[]; attrs: Attrs }[] = [
  { x: [2, 1, 8, 8], weight: [6, 1, 5, 5], attrs: UNIT },
  { x: [1, 3, 7, 6], weight: [5, 3, 3, 2], attrs: { ...UNIT, padding: [1, 2] } },
  { x: [2, 2, 9, 9], weight: [3, 2, 3, 3], attrs: { ...UNIT, stride: [2, 3], padding: [1, 1] } },
  { x: [1, 2, 9, 8], weight: [4, 2, 3, 3], attrs: { ...UNIT, dilation: [2, 2], padding: [2, 0] } },
  { x: [2, 4, 5, 5], weight: [6, 2, 3, 3], attrs: { ...UNIT, groups: 2, padding: [1, 1] } },
  { x: [1, 3, 6, 6], weight: [3, 1, 3, 3], attrs: { ...UNIT, groups: 3, stride: [2, 2] } },
  // Depthwise, phases whose rows are no whole vectors; two inputs and three outputs of each group.
  { x: [1, 2, 6, 10], weight: [2, 1, 3, 3], attrs: { ...UNIT, groups: 2, stride: [2, 2], padding: [1, 1] } },
  { x: [1, 4, 4, 8], weight: [6, 2, 1, 3], attrs: { ...UNIT, groups: 2, stride: [1, 2], padding: [0, 1] } },
  { x: [1, 1, 1, 1], weight: [1, 1, 1, 1], attrs: UNIT },
  { x: [2, 1, 1, 3], weight: [1, 1, 3, 3], attrs: { ...UNIT, padding: [1, 1] } },
  { x: [0, 2, 5, 4], weight: [3, 2, 3, 3], attrs: { ...UNIT, padding: [1, 0] } },
];

export const CONV2D = { conv2d, conv2d_input_grad: inputGrad, conv2d_weight_grad: weightGrad };
