/**
 * Max-pooling with the position of each window's winner, and the gradient that follows it; for fixed windows and for
 * adaptive ones. The first maximum in row-major order wins, as in PyTorch; the winner is the tap's number
 * `ky·kW + kx`, one byte if it fits.
 */

import { KilnError } from "../core/errors.ts";
import { sameShape, sizeOf } from "../core/shape.ts";
import { RESULT } from "../ir/body.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import {
  add,
  and,
  binary,
  cast,
  compare,
  constant,
  div,
  float,
  int,
  mod,
  mul,
  reduce,
  select,
} from "../loop/build.ts";
import { beatsInPool } from "../loop/semantics.ts";
import type { Expr } from "../loop/types.ts";
import { type Attributes, PAIR, PAIR_FROM_0 } from "./declaration.ts";
import { describe, f32, ints, type OpDef, type Operand, type Sample } from "./definition.ts";
import { at, forEachIndex, generate, type NdArray, sumOver } from "./ndarray.ts";
import {
  ADAPTIVE,
  FIXED,
  inferImage,
  type PlaneWindows,
  sumOverReaders,
  tapAxes,
  type WindowFamily,
} from "./windows.ts";

/** A family of max-pooling ops: their name and how their attributes describe windows. */
interface Family {
  readonly name: string;
  /** The name of the pool in PyTorch's autograd; `gradFn` shows it with `Backward` appended. */
  readonly autograd: string;
  readonly windows: WindowFamily;
  readonly attributes: Attributes;
  readonly samples: readonly PoolSample[];
}

interface PoolSample {
  readonly x: readonly number[];
  readonly attrs: Attrs;
}

function inferPool({ name, windows }: Family, [x]: readonly TensorType[], attrs: Attrs): TensorType {
  const [rows, columns] = windows.outputSize(name, x, attrs);
  return f32(x.shape[0], x.shape[1], rows, columns);
}

/** The windows between an input and an output, both [N,C,…]. */
const windowsOf = (
  { windows }: Family,
  input: readonly number[],
  output: readonly number[],
  attrs: Attrs,
): PlaneWindows => windows.windows(input.slice(2), output.slice(2), attrs);

/** The element under a tap, or `outside` if the tap is in the padding. */
function tap(
  x: Operand,
  [rows, columns]: PlaneWindows,
  [n, c, oy, ox]: readonly Expr[],
  [ky, kx]: readonly Expr[],
  outside: number,
): Expr {
  const row = rows.read(oy, ky);
  const column = columns.read(ox, kx);
  const value = x.at([n, c, row.position, column.position]);
  return select(and(row.inside, column.inside), value, float(outside));
}

/** The winning tap of a window: its value, its number, and its position in the plane. */
interface Winner {
  readonly value: number;
  readonly winner: number;
  readonly position: number;
}

/** If everything in a window is -∞ the first element in the input has won, which need not be the first tap. */
function winnerOf(x: NdArray, [rows, columns]: PlaneWindows, [n, c, oy, ox]: readonly number[]): Winner {
  let best: Winner | undefined;
  forEachIndex([rows.taps, columns.taps], ([ky, kx]) => {
    const [y, xx] = [rows.position(oy, ky), columns.position(ox, kx)];
    if (y === undefined || xx === undefined) return;
    const value = at(x, [n, c, y, xx]);
    if (best !== undefined && !beatsInPool(value, best.value)) return;
    best = { value, winner: ky * columns.taps + kx, position: y * x.shape[3] + xx };
  });
  return best!;
}

/**
 * The tap that has won. If no element beats the padding this is the
 * first tap, which is replaced by the first that is in the input.
 */
function inside([rows, columns]: PlaneWindows, [, , oy, ox]: readonly Expr[], winner: Expr): Expr {
  const [ky, kx] = [rows.firstTap(oy), columns.firstTap(ox)];
  const isFirst = [ky, kx].every((tap) => tap.kind === "const");
  return isFirst ? winner : binary("max", winner, add(mul(ky, int(columns.taps)), kx));
}

/** The row-major position in the plane that the tap of number `winner` reads. */
function position(
  windows: PlaneWindows,
  [, , , width]: readonly number[],
  [, , oy, ox]: readonly Expr[],
  winner: Expr,
): Expr {
  const [rows, columns] = windows;
  const [row, column] = [
    rows.read(oy, div(winner, int(columns.taps))),
    columns.read(ox, mod(winner, int(columns.taps))),
  ];
  return add(mul(row.position, int(width)), column.position);
}

/** The input position of a window's winner, in numbers. */
function winningPosition(
  [rows, columns]: PlaneWindows,
  [, , oy, ox]: readonly number[],
  code: number,
): readonly (number | undefined)[] {
  const [ky, kx] = [Math.floor(code / columns.taps), code % columns.taps];
  return [rows.position(oy, ky), columns.position(ox, kx)];
}

const RESULTS = ["maximum", "argmax", "position"] as const;

/** The result of a max-pool that holds the position of each maximum in its plane. */
export const MAX_POSITION = RESULTS.indexOf("position");

const maxPool = (family: Family): OpDef => ({
  name: family.name,
  doc: `The maximum of each window of x[N,C,H,W] (torch.nn.functional.${family.name}); the number \`ky·kW + kx\` of the tap it comes from, where kW is the largest width of a window, as uint8 if it fits, else int32; and its row-major position in the plane, int32. ${family.windows.attributes}`,
  arity: 1,
  attributes: family.attributes,
  pattern: "window",
  furtherResults: RESULTS.slice(1),
  holdsContraction: family.windows === FIXED,
  readsOnce: family.windows.readsOnce,
  range: (_inputs, [x], attrs, result) => {
    const taps = tapCount(family, x.shape, inferPool(family, [x], attrs).shape, attrs);
    return [0, (RESULTS[result] === "argmax" ? taps : sizeOf(x.shape.slice(2))) - 1];
  },
  infer: (inputs, attrs) => ({
    ...inferPool(family, inputs, attrs),
    others: [
      inferWinner(family, inputs[0], attrs),
      { dtype: "int32", shape: inferPool(family, inputs, attrs).shape },
    ],
  }),
  vjp(b, ct, [x], pool, attrs) {
    const winner = b.node(RESULT, [pool], { index: RESULTS.indexOf("argmax") });
    return [b.node(`${family.name}_grad`, [ct, winner], { ...attrs, inputSize: x.type.shape.slice(2) })];
  },
  backward: { name: `${family.autograd}Backward` },
  lower([x], output, attrs, result) {
    const windows = windowsOf(family, x.type.shape, output.shape, attrs);
    const reduced = (kind: "max" | "winner", indices: readonly Expr[]): Expr =>
      reduce(kind, tapAxes(windows), (taps) => tap(x, windows, indices, taps, Number.NEGATIVE_INFINITY));
    const winner = (indices: readonly Expr[]): Expr => inside(windows, indices, reduced("winner", indices));
    switch (RESULTS[result]) {
      case "maximum":
        return (indices) => reduced("max", indices);
      case "argmax":
        return (indices) => cast(winner(indices), output.dtype);
      case "position":
        return (indices) => position(windows, x.type.shape, indices, winner(indices));
    }
  },
  reference([x], { shape }, attrs) {
    const windows = windowsOf(family, x.shape, shape, attrs);
    const found = (of: keyof Winner): NdArray => generate(shape, (index) => winnerOf(x, windows, index)[of]);
    return { ...found("value"), others: [found("winner"), found("position")] };
  },
  samples: () => family.samples.map(distinctInput),
});

const distinctInput = ({ x, attrs }: PoolSample): Sample => ({
  inputs: [{ ...f32(...x), draw: "distinct" }],
  attrs,
});

/** The type of the numbers of the taps that win, one for each window of `x`. */
function inferWinner(family: Family, x: TensorType, attrs: Attrs): TensorType {
  const { shape } = inferPool(family, [x], attrs);
  return { dtype: tapCount(family, x.shape, shape, attrs) <= 256 ? "uint8" : "int32", shape };
}

/** Throws unless `win` has the type of the winners. */
function requireWinner(op: string, win: TensorType, expected: TensorType): void {
  if (win.dtype !== expected.dtype || !sameShape(win.shape, expected.shape))
    throw new KilnError(`${op} expects winners ${describe(expected)} but got ${describe(win)}`);
}

const tapCount = (...geometry: Parameters<typeof windowsOf>): number =>
  windowsOf(...geometry).reduce((count, { taps }) => count * taps, 1);

const gradient = (family: Family): OpDef => ({
  name: `${family.name}_grad`,
  doc: `The gradient of ${family.name}: each window's cotangent goes to its winner. cotangent, winner [N,C,oH,oW] → [N,C,H,W] with \`inputSize\` [H,W]. ${family.windows.attributes}`,
  arity: 2,
  attributes: { ...family.attributes, inputSize: PAIR_FROM_0 },
  pattern: "sparse",
  isMostlyZero: ([ct], attrs) => family.windows.readsOnce(f32(0, 0, ...ints(attrs, "inputSize")), ct, attrs),
  infer([ct, win], attrs) {
    const op = `${family.name}_grad`;
    const image = inferImage(op, ct, attrs, (x) => inferPool(family, [x], attrs));
    requireWinner(op, win, inferWinner(family, image, attrs));
    return image;
  },
  vjp(b, cotangent, [, win], _out, attrs) {
    const { inputSize: _, ...window } = attrs;
    return [b.node(`${family.name}_gather`, [cotangent, win], window), undefined];
  },
  backward: { name: `${family.autograd}BackwardBackward` },
  lower([ct, win], output, attrs) {
    const windows = windowsOf(family, output.shape, ct.type.shape, attrs);
    return ([n, c, y, x]) =>
      sumOverReaders(windows, [y, x], ([row, column]) => {
        const window = [n, c, row.window, column.window];
        const number = add(mul(row.tap, int(windows[1].taps)), column.tap);
        const won = compare("eq", cast(win.at(window), "int32"), number);
        return select(and(row.exists, column.exists), select(won, ct.at(window), float(0)), float(0));
      });
  },
  reference([ct, win], output, attrs) {
    const windows = windowsOf(family, output.shape, ct.shape, attrs);
    return generate(output.shape, ([n, c, y, x]) =>
      sumOver([ct.shape[2], ct.shape[3]], ([oy, ox]) => {
        const [row, column] = winningPosition(windows, [n, c, oy, ox], at(win, [n, c, oy, ox]));
        return row === y && column === x ? at(ct, [n, c, oy, ox]) : 0;
      }),
    );
  },
  samples: () =>
    family.samples.map(({ x, attrs }): Sample => {
      const out = inferPool(family, [f32(...x)], attrs);
      return { inputs: [out, drawnWinner(family, x, attrs)], attrs: { ...attrs, inputSize: x.slice(2) } };
    }),
});

/** A winner for each window, drawn among all taps. */
function drawnWinner(family: Family, x: readonly number[], attrs: Attrs): Sample["inputs"][number] {
  const { shape } = inferPool(family, [f32(...x)], attrs);
  return { dtype: "uint8", shape, below: tapCount(family, x, shape, attrs) };
}

const gather = (family: Family): OpDef => ({
  name: `${family.name}_gather`,
  doc: `Reads x[N,C,H,W] at the winners: the linear map whose transpose is ${family.name}_grad. ${family.windows.attributes}`,
  arity: 2,
  attributes: family.attributes,
  pattern: "window",
  readsOnce: family.windows.readsOnce,
  infer([x, win], attrs) {
    requireWinner(`${family.name}_gather`, win, inferWinner(family, x, attrs));
    return inferPool(family, [x], attrs);
  },
  vjp: (b, ct, [x, win], _out, attrs) => [
    b.node(`${family.name}_grad`, [ct, win], { ...attrs, inputSize: x.type.shape.slice(2) }),
    undefined,
  ],
  backward: { name: "GatherBackward" },
  lower([x, win], output, attrs) {
    const windows = windowsOf(family, x.type.shape, output.shape, attrs);
    return (indices) =>
      reduce("sum", tapAxes(windows), ([ky, kx]) => {
        const number = add(mul(ky, int(windows[1].taps)), kx);
        const won = compare("eq", cast(win.at(indices), "int32"), number);
        return select(won, tap(x, windows, indices, [ky, kx], 0), constant(0, "float32"));
      });
  },
  reference([x, win], output, attrs) {
    const windows = windowsOf(family, x.shape, output.shape, attrs);
    return generate(output.shape, (index) => {
      const [row, column] = winningPosition(windows, index, at(win, index));
      return row === undefined || column === undefined ? 0 : at(x, [index[0], index[1], row, column]);
    });
  },
  samples: () =>
    family.samples.map(({ x, attrs }): Sample => {
      return { inputs: [f32(...x), drawnWinner(family, x, attrs)], attrs };
    }),
});

const HALVES = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1], ceilMode: false };

const FIXED_FAMILY: Family = {
  name: "max_pool2d",
  autograd: "MaxPool2DWithIndices",
  windows: FIXED,
  attributes: { ...FIXED.declared, dilation: PAIR },
  samples: [
    { x: [2, 3, 4, 6], attrs: HALVES },
    { x: [1, 2, 5, 7], attrs: HALVES },
    { x: [1, 2, 5, 7], attrs: { ...HALVES, ceilMode: true } },
    { x: [1, 2, 7, 7], attrs: { ...HALVES, kernel: [3, 3], padding: [1, 1] } },
    { x: [1, 1, 8, 9], attrs: { ...HALVES, kernel: [3, 2], stride: [1, 2], dilation: [2, 1] } },
    { x: [1, 1, 1, 1], attrs: { ...HALVES, kernel: [1, 1], stride: [1, 1] } },
    { x: [0, 2, 4, 4], attrs: HALVES },
    { x: [2, 2, 1, 9], attrs: { ...HALVES, kernel: [1, 3], stride: [1, 2], padding: [0, 1] } },
  ],
};

const ADAPTIVE_FAMILY: Family = {
  name: "adaptive_max_pool2d",
  autograd: "AdaptiveMaxPool2D",
  windows: ADAPTIVE,
  attributes: ADAPTIVE.declared,
  samples: [
    { x: [2, 2, 7, 5], attrs: { outputSize: [3, 2] } },
    { x: [1, 2, 3, 10], attrs: { outputSize: [5, 4] } },
    { x: [1, 1, 1, 3], attrs: { outputSize: [1, 1] } },
    { x: [0, 2, 3, 3], attrs: { outputSize: [2, 2] } },
  ],
};

export const MAX_POOL2D = {
  max_pool2d: maxPool(FIXED_FAMILY),
  max_pool2d_grad: gradient(FIXED_FAMILY),
  max_pool2d_gather: gather(FIXED_FAMILY),
  adaptive_max_pool2d: maxPool(ADAPTIVE_FAMILY),
  adaptive_max_pool2d_grad: gradient(ADAPTIVE_FAMILY),
  adaptive_max_pool2d_gather: gather(ADAPTIVE_FAMILY),
};
