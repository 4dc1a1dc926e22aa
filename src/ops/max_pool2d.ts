/**
 * Max-pooling, the position of each window's winner, and the gradient that follows it. The first maximum in
 * row-major order wins, as in PyTorch; the winner is the tap's number `ky·kW + kx`, one byte where it fits.
 */

import { KilnError } from "../core/errors.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import {
  add,
  and,
  cast,
  compare,
  constant,
  div,
  float,
  inRange,
  int,
  mod,
  mul,
  reduce,
  select,
  sub,
} from "../loop/build.ts";
import { beats } from "../loop/semantics.ts";
import type { Expr } from "../loop/types.ts";
import { describe, f32, ints, type OpDef, type Operand, requireFloat, type Sample } from "./definition.ts";
import { at, forEachIndex, generate, type NdArray, sumOver } from "./ndarray.ts";

interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly ceilMode: boolean;
}

const windowOf = (attrs: Attrs): Window => ({
  kernel: ints(attrs, "kernel"),
  stride: ints(attrs, "stride"),
  padding: ints(attrs, "padding"),
  dilation: ints(attrs, "dilation"),
  ceilMode: attrs.ceilMode === true,
});

/** True when windows tile the plane without overlap or padding: each input has one window at most. */
export function windowsAreDisjoint(attrs: Attrs): boolean {
  const w = windowOf(attrs);
  return [0, 1].every(
    (axis) => w.kernel[axis] === w.stride[axis] && w.padding[axis] === 0 && w.dilation[axis] === 1,
  );
}

/** Extent of the result along `axis`; in ceil mode a window must start inside the input or its left padding. */
function pooledExtent(w: Window, axis: 0 | 1, input: number): number {
  const [k, s, p, d] = [w.kernel[axis], w.stride[axis], w.padding[axis], w.dilation[axis]];
  const span = input + 2 * p - d * (k - 1) - 1;
  if (!w.ceilMode) return Math.floor(span / s) + 1;
  const extent = Math.ceil(span / s) + 1;
  return (extent - 1) * s >= input + p ? extent - 1 : extent;
}

function inferPool([x]: readonly TensorType[], attrs: Attrs): TensorType {
  requireFloat("max_pool2d", [x]);
  const w = windowOf(attrs);
  if (x.shape.length !== 4) throw new KilnError(`max_pool2d expects [N,C,H,W] but got ${describe(x)}`);
  for (const axis of [0, 1] as const) {
    if (w.padding[axis] * 2 > w.kernel[axis]) {
      throw new KilnError(
        `max_pool2d's padding ${w.padding[axis]} must be at most half of its kernel ${w.kernel[axis]}`,
      );
    }
  }
  const extents = ([0, 1] as const).map((axis) => pooledExtent(w, axis, x.shape[axis + 2]));
  if (extents.some((extent) => extent < 1)) {
    throw new KilnError(`max_pool2d's kernel ${w.kernel.join("×")} does not fit into ${describe(x)}`);
  }
  return { dtype: "float32", shape: [x.shape[0], x.shape[1], ...extents] };
}

const inputPosition = (w: Window, axis: 0 | 1, y: Expr, k: Expr): Expr =>
  sub(add(mul(y, int(w.stride[axis])), mul(k, int(w.dilation[axis]))), int(w.padding[axis]));

const taps = (w: Window) => [
  { name: "dy", extent: w.kernel[0] },
  { name: "dx", extent: w.kernel[1] },
];

/** The element under a tap, or `outside` where the tap lies in the padding. */
function tap(
  x: Operand,
  w: Window,
  [n, c, oy, ox]: readonly Expr[],
  ky: Expr,
  kx: Expr,
  outside: number,
): Expr {
  const y = inputPosition(w, 0, oy, ky);
  const xx = inputPosition(w, 1, ox, kx);
  const [, , height, width] = x.type.shape;
  return select(and(inRange(y, height), inRange(xx, width)), x.at([n, c, y, xx]), float(outside));
}

/** The value and number of the winning tap of one window. */
function winnerOf(
  x: NdArray,
  w: Window,
  [n, c, oy, ox]: readonly number[],
): { value: number; winner: number } {
  let value = Number.NEGATIVE_INFINITY;
  let winner = 0;
  forEachIndex(w.kernel, ([ky, kx]) => {
    const y = oy * w.stride[0] + ky * w.dilation[0] - w.padding[0];
    const xx = ox * w.stride[1] + kx * w.dilation[1] - w.padding[1];
    if (y < 0 || xx < 0 || y >= x.shape[2] || xx >= x.shape[3]) return;
    const candidate = at(x, [n, c, y, xx]);
    if (!beats(candidate, value)) return;
    value = candidate;
    winner = ky * w.kernel[1] + kx;
  });
  return { value, winner };
}

const WINDOW = "Attributes: `kernel`, `stride`, `padding`, `dilation` as [rows, columns], and `ceilMode`.";

const maxPool2d: OpDef = {
  name: "max_pool2d",
  doc: `The maximum of each window of x[N,C,H,W] (torch.nn.functional.max_pool2d). ${WINDOW}`,
  pattern: "window",
  infer: inferPool,
  vjp(b, ct, [x], _out, attrs) {
    const winner = b.node("max_pool2d_winner", [x], attrs);
    return [b.node("max_pool2d_grad", [ct, winner], { ...attrs, inputSize: x.type.shape.slice(2) })];
  },
  backward: { name: "MaxPool2DWithIndicesBackward" },
  lower([x], _output, attrs) {
    const w = windowOf(attrs);
    return (indices) =>
      reduce("max", taps(w), ([ky, kx]) => tap(x, w, indices, ky, kx, Number.NEGATIVE_INFINITY));
  },
  reference: ([x], output, attrs) =>
    generate(output.shape, (index) => winnerOf(x, windowOf(attrs), index).value),
  samples: () =>
    WINDOWS.map((sample) => ({ inputs: [{ ...f32(...sample.x), draw: "distinct" }], attrs: sample.attrs })),
};

const winner: OpDef = {
  name: "max_pool2d_winner",
  doc: `The number \`ky·kW + kx\` of the tap that gave max_pool2d's result; uint8 where it fits, else int32. ${WINDOW}`,
  pattern: "window",
  infer(inputs, attrs) {
    const [kh, kw] = windowOf(attrs).kernel;
    return { dtype: kh * kw <= 256 ? "uint8" : "int32", shape: inferPool(inputs, attrs).shape };
  },
  vjp: () => [undefined],
  backward: { name: "MaxPool2DWinnerBackward" },
  lower([x], output, attrs) {
    const w = windowOf(attrs);
    return (indices) =>
      cast(
        reduce("argmax", taps(w), ([ky, kx]) => tap(x, w, indices, ky, kx, Number.NEGATIVE_INFINITY)),
        output.dtype,
      );
  },
  reference: ([x], output, attrs) =>
    generate(output.shape, (index) => winnerOf(x, windowOf(attrs), index).winner),
  samples: () =>
    WINDOWS.map((sample) => ({ inputs: [{ ...f32(...sample.x), draw: "distinct" }], attrs: sample.attrs })),
};

const maxPool2dGrad: OpDef = {
  name: "max_pool2d_grad",
  doc: `The gradient of max_pool2d: each window's cotangent goes to its winner. cotangent, winner [N,C,oH,oW] → [N,C,H,W] with \`inputSize\` [H,W]. ${WINDOW}`,
  pattern: "sparse",
  infer([ct], attrs) {
    requireFloat("max_pool2d_grad", [ct]);
    return { dtype: "float32", shape: [ct.shape[0], ct.shape[1], ...ints(attrs, "inputSize")] };
  },
  vjp(b, cotangent, [, win], _out, attrs) {
    const { inputSize: _, ...window } = attrs;
    return [b.node("max_pool2d_gather", [cotangent, win], window), undefined];
  },
  backward: { name: "MaxPool2DWithIndicesBackwardBackward" },
  lower([ct, win], _output, attrs) {
    const w = windowOf(attrs);
    const [, , oh, ow] = ct.type.shape;
    const [kh, kw] = w.kernel;
    /** The cotangent of window (`row`, `column`) if tap `number` won it, else 0. */
    const share = (n: Expr, c: Expr, row: Expr, column: Expr, tapNumber: Expr, fits: Expr): Expr => {
      const won = compare("eq", cast(win.at([n, c, row, column]), "int32"), tapNumber);
      return select(fits, select(won, ct.at([n, c, row, column]), float(0)), float(0));
    };
    if (windowsAreDisjoint(attrs)) {
      return ([n, c, y, x]) => {
        const row = div(y, int(kh));
        const column = div(x, int(kw));
        const tapNumber = add(mul(mod(y, int(kh)), int(kw)), mod(x, int(kw)));
        return share(n, c, row, column, tapNumber, and(inRange(row, oh), inRange(column, ow)));
      };
    }
    return ([n, c, y, x]) =>
      reduce("sum", taps(w), ([ky, kx]) => {
        const [row, rowFits] = windowPosition(w, 0, y, ky, oh);
        const [column, columnFits] = windowPosition(w, 1, x, kx, ow);
        return share(n, c, row, column, add(mul(ky, int(kw)), kx), and(rowFits, columnFits));
      });
  },
  reference([ct, win], output, attrs) {
    const w = windowOf(attrs);
    return generate(output.shape, ([n, c, y, x]) =>
      sumOver([ct.shape[2], ct.shape[3]], ([oy, ox]) => {
        const code = at(win, [n, c, oy, ox]);
        const [ky, kx] = [Math.floor(code / w.kernel[1]), code % w.kernel[1]];
        const row = oy * w.stride[0] + ky * w.dilation[0] - w.padding[0];
        const column = ox * w.stride[1] + kx * w.dilation[1] - w.padding[1];
        return row === y && column === x ? at(ct, [n, c, oy, ox]) : 0;
      }),
    );
  },
  samples: () =>
    WINDOWS.map(({ x, attrs }): Sample => {
      const out = inferPool([f32(...x)], attrs);
      const below = ints(attrs, "kernel").reduce((a, b) => a * b, 1);
      return {
        inputs: [out, { dtype: "uint8", shape: out.shape, below }],
        attrs: { ...attrs, inputSize: x.slice(2) },
      };
    }),
};

/** The window whose tap `k` covers input row `y`, and the condition under which there is one. */
function windowPosition(w: Window, axis: 0 | 1, y: Expr, k: Expr, extent: number): readonly [Expr, Expr] {
  const shifted = sub(add(y, int(w.padding[axis])), mul(k, int(w.dilation[axis])));
  const position = div(shifted, int(w.stride[axis]));
  const aligned = compare("eq", mod(shifted, int(w.stride[axis])), int(0));
  return [position, and(aligned, inRange(position, extent))];
}

const gather: OpDef = {
  name: "max_pool2d_gather",
  doc: `Reads x[N,C,H,W] at the winners: the linear map whose transpose is max_pool2d_grad. ${WINDOW}`,
  pattern: "window",
  infer: inferPool,
  vjp(b, ct, [x, win], _out, attrs) {
    return [b.node("max_pool2d_grad", [ct, win], { ...attrs, inputSize: x.type.shape.slice(2) }), undefined];
  },
  backward: { name: "GatherBackward" },
  lower([x, win], _output, attrs) {
    const w = windowOf(attrs);
    return (indices) =>
      reduce("sum", taps(w), ([ky, kx]) => {
        const number = add(mul(ky, int(w.kernel[1])), kx);
        const won = compare("eq", cast(win.at(indices), "int32"), number);
        return select(won, tap(x, w, indices, ky, kx, 0), constant(0, "float32"));
      });
  },
  reference([x, win], output, attrs) {
    const w = windowOf(attrs);
    return generate(output.shape, ([n, c, oy, ox]) => {
      const code = at(win, [n, c, oy, ox]);
      const y = oy * w.stride[0] + Math.floor(code / w.kernel[1]) * w.dilation[0] - w.padding[0];
      const xx = ox * w.stride[1] + (code % w.kernel[1]) * w.dilation[1] - w.padding[1];
      return y < 0 || xx < 0 || y >= x.shape[2] || xx >= x.shape[3] ? 0 : at(x, [n, c, y, xx]);
    });
  },
  samples: () =>
    WINDOWS.map(({ x, attrs }): Sample => {
      const out = inferPool([f32(...x)], attrs);
      const below = ints(attrs, "kernel").reduce((a, b) => a * b, 1);
      return { inputs: [f32(...x), { dtype: "uint8", shape: out.shape, below }], attrs };
    }),
};

const HALVES = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1], ceilMode: false };

const WINDOWS: readonly { x: readonly number[]; attrs: Attrs }[] = [
  { x: [2, 3, 4, 6], attrs: HALVES },
  { x: [1, 2, 5, 7], attrs: HALVES },
  { x: [1, 2, 5, 7], attrs: { ...HALVES, ceilMode: true } },
  { x: [1, 2, 7, 7], attrs: { ...HALVES, kernel: [3, 3], padding: [1, 1] } },
  { x: [1, 1, 8, 9], attrs: { ...HALVES, kernel: [3, 2], stride: [1, 2], dilation: [2, 1] } },
];

export const MAX_POOL2D = {
  max_pool2d: maxPool2d,
  max_pool2d_winner: winner,
  max_pool2d_grad: maxPool2dGrad,
  max_pool2d_gather: gather,
};
