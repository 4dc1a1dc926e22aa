/**
 * The exact text of PyTorch's `print` for a tensor (torch/_tensor_str.py with its default options): four digits,
 * scientific notation if the range requires it, aligned columns, long tensors summarised, lines of 80 characters.
 */

import { type DType, kindOf, type TypedArray } from "../core/dtype.ts";
import { type Shape, sizeOf, stridesOf } from "../core/shape.ts";

const DIGITS = 4;
const LINE_WIDTH = 80;
/** A tensor of more elements than this is summarised: of each long axis both ends are shown. */
const SUMMARY_THRESHOLD = 1000;
const EDGE_ITEMS = 3;
const PREFIX = "tensor(";

/** The printed text; `suffixes`, such as `requires_grad=True`, follow shape and dtype between the parentheses. */
export function formatTensor(
  data: TypedArray,
  shape: Shape,
  dtype: DType,
  suffixes: readonly string[] = [],
): string {
  const size = sizeOf(shape);
  const content = size === 0 ? "[]" : new Printer(data, shape, dtype, size > SUMMARY_THRESHOLD).print();
  const ownSuffixes = [
    ...(size === 0 && shape.length !== 1 ? [`size=(${shape.join(", ")})`] : []),
    ...(isImplied(dtype, size) ? [] : [`dtype=torch.${dtype}`]),
  ];
  return withSuffixes(PREFIX + content, [...ownSuffixes, ...suffixes]);
}

/** The text of a tensor whose numbers are not at hand: shape and dtype, and why, or how to read them. */
export function formatUnread(shape: Shape, dtype: DType, isTraced: boolean): string {
  const why = isTraced
    ? "traced: forward runs once, on shapes alone"
    : "not read yet: await t.format() shows the numbers";
  return `tensor(<${why}>, size=(${shape.join(", ")}), dtype=torch.${dtype})`;
}

/** Whether the printed elements show the dtype; `True` does, but not without elements. */
const isImplied = (dtype: DType, size: number): boolean =>
  dtype === "float32" || (dtype === "bool" && size > 0);

function withSuffixes(text: string, suffixes: readonly string[]): string {
  let result = text;
  let lastLine = text.length - text.lastIndexOf("\n") + 1;
  for (const suffix of suffixes) {
    if (lastLine + suffix.length + 2 > LINE_WIDTH) {
      result += `,\n${" ".repeat(PREFIX.length)}${suffix}`;
      lastLine = PREFIX.length + suffix.length;
    } else {
      result += `, ${suffix}`;
      lastLine += suffix.length + 2;
    }
  }
  return `${result})`;
}

/** Prints the elements of one tensor as nested lists. */
class Printer {
  private readonly data: TypedArray;
  private readonly shape: Shape;
  private readonly strides: readonly number[];
  private readonly summarize: boolean;
  private readonly format: (value: number) => string;
  private readonly width: number;

  constructor(data: TypedArray, shape: Shape, dtype: DType, summarize: boolean) {
    this.data = data;
    this.shape = shape;
    this.strides = stridesOf(shape);
    this.summarize = summarize;
    const kind = kindOf(dtype);
    const style =
      kind === "float" ? floatStyle([...this.shownValues(0, 0)]) : kind === "bool" ? TRUTH : WHOLE;
    this.format = style.format;
    this.width = style.measured([...this.shownValues(0, 0)]).reduce((widest, value) => {
      return Math.max(widest, style.format(value).length);
    }, 1);
  }

  print(): string {
    return this.printAxis(0, 0, PREFIX.length);
  }

  private printAxis(axis: number, offset: number, indent: number): string {
    const remaining = this.shape.length - axis;
    if (remaining === 0) return this.element(offset);
    if (remaining === 1) return this.printRow(offset, indent);
    const slices = this.positions(axis).map((position) =>
      position === undefined
        ? "..."
        : this.printAxis(axis + 1, offset + position * this.strides[axis], indent + 1),
    );
    return `[${slices.join(`,${"\n".repeat(remaining - 1)}${" ".repeat(indent + 1)}`)}]`;
  }

  private printRow(offset: number, indent: number): string {
    const elements = this.positions(this.shape.length - 1).map((position) =>
      position === undefined ? " ..." : this.element(offset + position),
    );
    const perLine = Math.max(1, Math.floor((LINE_WIDTH - indent) / (this.width + 2)));
    const lines: string[] = [];
    for (let start = 0; start < elements.length; start += perLine) {
      lines.push(elements.slice(start, start + perLine).join(", "));
    }
    return `[${lines.join(`,\n${" ".repeat(indent + 1)}`)}]`;
  }

  private element(offset: number): string {
    return this.format(this.data[offset]).padStart(this.width);
  }

  /** The positions shown along an axis; `undefined` means omitted ones. */
  private positions(axis: number): (number | undefined)[] {
    const extent = this.shape[axis];
    if (!this.summarize || extent <= 2 * EDGE_ITEMS) return Array.from({ length: extent }, (_, k) => k);
    const edge = Array.from({ length: EDGE_ITEMS }, (_, k) => k);
    return [...edge, undefined, ...edge.map((k) => extent - EDGE_ITEMS + k)];
  }

  private *shownValues(axis: number, offset: number): Generator<number> {
    if (axis === this.shape.length) yield this.data[offset];
    else {
      for (const position of this.positions(axis)) {
        if (position !== undefined) yield* this.shownValues(axis + 1, offset + position * this.strides[axis]);
      }
    }
  }
}

/** How elements are written, and which of them decide the columns' width. */
interface Style {
  format(value: number): string;
  measured(values: readonly number[]): readonly number[];
}

const all = (values: readonly number[]): readonly number[] => values;

const WHOLE: Style = { format: String, measured: all };
const TRUTH: Style = { format: (value) => (value === 0 ? "False" : "True"), measured: all };

/** Whole numbers as `1.`, else four digits; scientific when the range is wide or the numbers are far from 1. */
function floatStyle(values: readonly number[]): Style {
  const measured = (list: readonly number[]): number[] => list.filter((v) => Number.isFinite(v) && v !== 0);
  const magnitudes = measured(values).map(Math.abs);
  const largest = magnitudes.reduce((a, b) => Math.max(a, b), 0);
  const smallest = magnitudes.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const isScientific =
    magnitudes.length > 0 && (largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4);
  const finite = isScientific ? scientific : magnitudes.every(Number.isInteger) ? whole : fixed;
  return { format: (value) => (Number.isFinite(value) ? finite(value) : nonFinite(value)), measured };
}

const nonFinite = (value: number): string => (Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf");

const signed = (value: number, magnitude: string): string =>
  value < 0 || Object.is(value, -0) ? `-${magnitude}` : magnitude;

const whole = (value: number): string => signed(value, `${Math.abs(value)}.`);

const fixed = (value: number): string => {
  const magnitude = Math.abs(value);
  return signed(value, halfToEven(magnitude.toFixed(EXACT_DIGITS), magnitude.toFixed(DIGITS)));
};

const scientific = (value: number): string => {
  const magnitude = Math.abs(value);
  const text = halfToEven(magnitude.toExponential(EXACT_DIGITS), magnitude.toExponential(DIGITS));
  return signed(value, text.replace(/e([+-])(\d)$/, "e$10$2"));
};

/** Enough digits to write any float32 exactly that lies half-way between two numbers of four digits. */
const EXACT_DIGITS = 60;

/** A number half-way between two numbers of four digits, the lower of which ends in an even digit. */
const TIE = /^(\d+\.\d{3}[02468])50*(e.*)?$/;

/** Python rounds halves to the even digit where JavaScript rounds them up. */
function halfToEven(exact: string, rounded: string): string {
  const tie = TIE.exec(exact);
  return tie === null ? rounded : tie[1] + (tie[2] ?? "");
}
