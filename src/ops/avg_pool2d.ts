/** Average pooling and its gradient, which spreads each window's share; for fixed windows and for adaptive ones. */

import { KilnError } from "../core/errors.ts";
import type { Attrs, TensorType } from "../ir/types.ts";
import { add, and, binary, cast, div, float, int, mul, reduce, select, sub } from "../loop/build.ts";
import type { Expr } from "../loop/types.ts";
import { type Attributes, BOOLEAN, PAIR_FROM_0 } from "./declaration.ts";
import { f32, type OpDef, type Sample } from "./definition.ts";
import { at, generate, sumOver } from "./ndarray.ts";
import {
  ADAPTIVE,
  adaptiveBounds,
  adaptiveRange,
  FIXED,
  fixedAxes,
  inferImage,
  type PlaneWindows,
  sumOverReaders,
  tapAxes,
  type WindowFamily,
} from "./windows.ts";

/** How many elements a window counts along one axis: by its number, as an expression and in numbers. */
interface Count {
  of(window: Expr): Expr;
  at(window: number): number;
}

/** A family of average-pooling ops: their name, how attributes describe windows and what the sum is divided by. */
interface Family {
  readonly name: string;
  /** The name of the pool in PyTorch's autograd; `gradFn` shows it with `Backward` appended. */
  readonly autograd: string;
  /** The divisor, for the doc. */
  readonly divisor: string;
  readonly windows: WindowFamily;
  readonly attributes: Attributes;
  counts(inputSize: readonly number[], outputSize: readonly number[], attrs: Attrs): readonly Count[];
  readonly samples: readonly { readonly x: readonly number[]; readonly attrs: Attrs }[];
}

/** The windows and their divisors, between an input and an output [N,C,…]. */
class Geometry {
  readonly windows: PlaneWindows;
  private readonly counts: readonly Count[];
  private readonly override: number | undefined;
  /** The divisor if it is the same for all windows. */
  readonly constant: number | undefined;

  constructor(family: Family, input: readonly number[], output: readonly number[], attrs: Attrs) {
    const [inputSize, outputSize] = [input.slice(2), output.slice(2)];
    this.windows = family.windows.windows(inputSize, outputSize, attrs);
    this.counts = family.counts(inputSize, outputSize, attrs);
    this.override = typeof attrs.divisorOverride === "number" ? attrs.divisorOverride : undefined;
    const sizes = this.counts.map(
      (count, axis) => new Set(Array.from({ length: outputSize[axis] }, (_, window) => count.at(window))),
    );
    const isConstant = this.override !== undefined || sizes.every(({ size }) => size === 1);
    this.constant = isConstant ? this.divisorAt([0, 0]) : undefined;
  }

  divisor(window: readonly Expr[]): Expr {
    if (this.constant !== undefined) return float(this.constant);
    const [rows, columns] = this.counts.map((count, axis) => count.of(window[axis]));
    return cast(mul(rows, columns), "float32");
  }

  divisorAt(window: readonly number[]): number {
    return this.override ?? this.counts.reduce((product, count, axis) => product * count.at(window[axis]), 1);
  }
}

function inferPool({ name, windows }: Family, [x]: readonly TensorType[], attrs: Attrs): TensorType {
  const [rows, columns] = windows.outputSize(name, x, attrs);
  if (attrs.divisorOverride === 0) throw new KilnError(`${name}'s divisorOverride must not be 0`);
  return f32(x.shape[0], x.shape[1], rows, columns);
}

const pool = (family: Family): OpDef => ({
  name: family.name,
  doc: `The mean of each window of x[N,C,H,W]: the sum divided by ${family.divisor} (torch.nn.functional.${family.name}). ${family.windows.attributes}`,
  arity: 1,
  attributes: family.attributes,
  pattern: "window",
  readsOnce: family.windows.readsOnce,
  infer: (inputs, attrs) => inferPool(family, inputs, attrs),
  vjp: (b, ct, [x], _out, attrs) => [
    b.node(`${family.name}_grad`, [ct], { ...attrs, inputSize: x.type.shape.slice(2) }),
  ],
  backward: { name: `${family.autograd}Backward` },
  lower([x], output, attrs) {
    const geometry = new Geometry(family, x.type.shape, output.shape, attrs);
    const [rows, columns] = geometry.windows;
    return ([n, c, oy, ox]) => {
      const sum = reduce("sum", tapAxes(geometry.windows), ([ky, kx]) => {
        const row = rows.read(oy, ky);
        const column = columns.read(ox, kx);
        const value = x.at([n, c, row.position, column.position]);
        return select(and(row.inside, column.inside), value, float(0));
      });
      return div(sum, geometry.divisor([oy, ox]));
    };
  },
  reference([x], output, attrs) {
    const geometry = new Geometry(family, x.shape, output.shape, attrs);
    const [rows, columns] = geometry.windows;
    return generate(output.shape, ([n, c, oy, ox]) => {
      const sum = sumOver([rows.taps, columns.taps], ([ky, kx]) => {
        const [y, xx] = [rows.position(oy, ky), columns.position(ox, kx)];
        return y === undefined || xx === undefined ? 0 : at(x, [n, c, y, xx]);
      });
      return sum / geometry.divisorAt([oy, ox]);
    });
  },
  samples: () => family.samples.map(({ x, attrs }): Sample => ({ inputs: [f32(...x)], attrs })),
});

const gradient = (family: Family): OpDef => ({
  name: `${family.name}_grad`,
  doc: `The gradient of ${family.name}: every element of a window gets the cotangent divided by ${family.divisor}. cotangent [N,C,oH,oW] → [N,C,H,W] with \`inputSize\` [H,W]. ${family.windows.attributes}`,
  arity: 1,
  attributes: { ...family.attributes, inputSize: PAIR_FROM_0 },
  pattern: "sparse",
  infer: ([ct], attrs) =>
    inferImage(`${family.name}_grad`, ct, attrs, (image) => inferPool(family, [image], attrs)),
  vjp(b, cotangent, _inputs, _out, attrs) {
    const { inputSize: _, ...window } = attrs;
    return [b.node(family.name, [cotangent], window)];
  },
  backward: { name: `${family.autograd}BackwardBackward` },
  lower([ct], output, attrs) {
    const geometry = new Geometry(family, output.shape, ct.type.shape, attrs);
    const { windows, constant } = geometry;
    return ([n, c, y, x]) => {
      const sum = sumOverReaders(windows, [y, x], ([row, column]) => {
        const value = ct.at([n, c, row.window, column.window]);
        const share =
          constant === undefined ? div(value, geometry.divisor([row.window, column.window])) : value;
        return select(and(row.exists, column.exists), share, float(0));
      });
      return constant === undefined ? sum : div(sum, float(constant));
    };
  },
  reference([ct], output, attrs) {
    const geometry = new Geometry(family, output.shape, ct.shape, attrs);
    const [rows, columns] = geometry.windows;
    return generate(output.shape, ([n, c, y, x]) =>
      sumOver([ct.shape[2], ct.shape[3], rows.taps, columns.taps], ([oy, ox, ky, kx]) => {
        if (rows.position(oy, ky) !== y || columns.position(ox, kx) !== x) return 0;
        return at(ct, [n, c, oy, ox]) / geometry.divisorAt([oy, ox]);
      }),
    );
  },
  samples: () =>
    family.samples.map(
      ({ x, attrs }): Sample => ({
        inputs: [inferPool(family, [f32(...x)], attrs)],
        attrs: { ...attrs, inputSize: x.slice(2) },
      }),
    ),
});

/**
 * What fixed windows count: the part of their extent in the input and, unless `countIncludePad` is false, in
 * the padding. What ceil mode adds beyond the padding never counts.
 */
function fixedCounts(inputSize: readonly number[], _outputSize: readonly number[], attrs: Attrs): Count[] {
  const padded = attrs.countIncludePad === true;
  return fixedAxes(attrs).map(({ kernel, stride, padding }, axis) => {
    const end = inputSize[axis] + (padded ? padding : 0);
    return {
      of(window) {
        const start = sub(mul(window, int(stride)), int(padding));
        const stop = binary("min", add(start, int(kernel)), int(end));
        return sub(stop, padded ? start : binary("max", start, int(0)));
      },
      at(window) {
        const start = window * stride - padding;
        return Math.min(start + kernel, end) - (padded ? start : Math.max(start, 0));
      },
    };
  });
}

const adaptiveCounts = (inputSize: readonly number[], outputSize: readonly number[]): Count[] =>
  inputSize.map((size, axis) => ({
    of(window) {
      const [start, end] = adaptiveBounds(window, size, outputSize[axis]);
      return sub(end, start);
    },
    at(window) {
      const [start, end] = adaptiveRange(window, size, outputSize[axis]);
      return end - start;
    },
  }));

const HALVES = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], ceilMode: false, countIncludePad: true };
const OVERLAPPING = { ...HALVES, kernel: [3, 2], stride: [2, 1], padding: [1, 1] };

const FIXED_FAMILY: Family = {
  name: "avg_pool2d",
  autograd: "AvgPool2D",
  divisor: "`divisorOverride` if given, else the window's size, padding included if `countIncludePad`",
  windows: FIXED,
  attributes: {
    ...FIXED.declared,
    countIncludePad: BOOLEAN,
    divisorOverride: { kind: "int", isOptional: true },
  },
  counts: fixedCounts,
  samples: [
    { x: [2, 3, 4, 6], attrs: HALVES },
    { x: [1, 2, 5, 7], attrs: { ...HALVES, ceilMode: true } },
    { x: [1, 2, 6, 5], attrs: OVERLAPPING },
    { x: [1, 2, 6, 5], attrs: { ...OVERLAPPING, ceilMode: true, countIncludePad: false } },
    { x: [1, 2, 6, 5], attrs: { ...OVERLAPPING, ceilMode: true } },
    { x: [1, 1, 1, 3], attrs: OVERLAPPING },
    { x: [0, 2, 4, 4], attrs: HALVES },
    { x: [2, 1, 5, 5], attrs: { ...OVERLAPPING, divisorOverride: 3 } },
  ],
};

const ADAPTIVE_FAMILY: Family = {
  name: "adaptive_avg_pool2d",
  autograd: "AdaptiveAvgPool2D",
  divisor: "its number of elements",
  windows: ADAPTIVE,
  attributes: ADAPTIVE.declared,
  counts: adaptiveCounts,
  samples: [
    { x: [2, 2, 7, 5], attrs: { outputSize: [3, 2] } },
    { x: [1, 2, 3, 10], attrs: { outputSize: [5, 4] } },
    { x: [0, 2, 3, 3], attrs: { outputSize: [2, 2] } },
    { x: [1, 2, 5, 6], attrs: { outputSize: [1, 3] } },
  ],
};

export const AVG_POOL2D = {
  avg_pool2d: pool(FIXED_FAMILY),
  avg_pool2d_grad: gradient(FIXED_FAMILY),
  adaptive_avg_pool2d: pool(ADAPTIVE_FAMILY),
  adaptive_avg_pool2d_grad: gradient(ADAPTIVE_FAMILY),
};
