/**
 * Prints scheduled Loop IR as JavaScript: all decisions were made before. JavaScript computes in double precision, so
 * results are rounded (`Math.fround`) where `single-precision.ts` says so: a value is the same whether it was stored or is
 * computed again, and vanishes or overflows where it would in float32.
 */

import { InternalError, invariant } from "../../src/core/errors.ts";
import { formatOrigins } from "../../src/core/origin.ts";
import { formatEstimate } from "../../src/loop/print.ts";
import { ANY, RangeContext } from "../../src/loop/range.ts";
import { printSchedule } from "../../src/loop/schedule.ts";
import {
  EXACT_WHOLE,
  isRounded,
  type Sums,
  sumsOf,
  wholeScalarsOf,
} from "../../src/loop/single-precision.ts";
import type { Expr, Kernel, Stmt } from "../../src/loop/types.ts";
import { COMPARE, fround, isWhole, mangle, number, SHIFT } from "./spelling.ts";

/** How a kernel reaches a buffer: a typed array's name and the element at which the buffer starts in it. */
export interface Address {
  readonly view: string;
  readonly offset: number;
}

/** Where buffers lie, and which names every kernel function takes. */
export interface Environment {
  readonly parameters: readonly string[];
  readonly addresses: ReadonlyMap<string, Address>;
  /** Position of each scalar in the array `scalars`. */
  readonly scalars: readonly string[];
}

/** The functions of a kernel: one that is called, and one for each section. */
export function printJsKernel(kernel: Kernel, name: string, environment: Environment): string {
  return new Printer(kernel, name, environment).print();
}

class Printer {
  private readonly kernel: Kernel;
  private readonly name: string;
  private readonly environment: Environment;
  /** The accumulators of float32 that add up in double precision. */
  private readonly sums: Sums;
  /** Scalars that are read as whole numbers: all others are rounded once, where a function begins. */
  private readonly wholeScalars: ReadonlySet<string>;

  constructor(kernel: Kernel, name: string, environment: Environment) {
    this.kernel = kernel;
    this.name = name;
    this.environment = environment;
    this.sums = sumsOf(kernel);
    this.wholeScalars = wholeScalarsOf(kernel);
  }

  print(): string {
    const { kernel, name } = this;
    const parameters = this.environment.parameters.join(", ");
    const sections = kernel.body.filter((s) => s.kind === "section");
    const header = [
      `// ${kernel.name}: ${kernel.ops.join(", ")}`,
      `// at ${formatOrigins(kernel.origins)}`,
      `// schedule: ${kernel.schedule === undefined ? "none" : printSchedule(kernel.schedule)}`,
      ...(kernel.estimate === undefined ? [] : [`// estimate: ${formatEstimate(kernel)}`]),
    ];
    if (sections.length === 0) return [...header, ...this.function(name, kernel.body)].join("\n");
    invariant(sections.length === kernel.body.length, "a kernel is made of sections or of none");
    const parts = sections.flatMap((s, k) => this.function(`${name}_part${k}`, s.body));
    const calls = sections.map((_, k) => `  ${name}_part${k}(${parameters});`);
    return [...header, ...parts, `function ${name}(${parameters}) {`, ...calls, "}"].join("\n");
  }

  private function(name: string, body: readonly Stmt[]): string[] {
    const scalars = this.kernel.scalars.map((s) => {
      const given = `scalars[${this.environment.scalars.indexOf(s)}]`;
      return `  const scalar_${mangle(s)} = ${this.wholeScalars.has(s) ? given : fround(given)};`;
    });
    let ranges = new RangeContext();
    for (const b of this.kernel.buffers)
      if (b.range) ranges = ranges.withBuffer(b.name, { low: b.range[0], high: b.range[1] });
    return [
      `function ${name}(${this.environment.parameters.join(", ")}) {`,
      ...scalars,
      ...this.body(body, "  ", ranges),
      "}",
    ];
  }

  private body(body: readonly Stmt[], indent: string, outer: RangeContext): string[] {
    let ranges = outer;
    return body.flatMap((s) => {
      const lines = this.statement(s, indent, ranges);
      if (s.kind === "let" && s.value.dtype === "int32")
        ranges = ranges.withName(s.name, ranges.rangeOf(s.value));
      if (s.kind === "accumulator") {
        ranges = ranges.withName(s.name, s.range ? { low: s.range[0], high: s.range[1] } : ANY);
      }
      return lines;
    });
  }

  private statement(s: Stmt, indent: string, ranges: RangeContext): string[] {
    switch (s.kind) {
      case "for": {
        const extent = typeof s.extent === "number" ? `${s.extent}` : s.extent.count;
        const most = typeof s.extent === "number" ? s.extent : s.extent.most;
        let inside = ranges.withName(s.name, { low: 0, high: Math.max(0, most - 1) });
        const starts = [`${s.name} = 0`];
        const steps = [`${s.name} = ${s.name} + 1 | 0`];
        for (const { name, init, step } of s.inductions ?? []) {
          starts.push(`${name} = ${this.integer(init, ranges)}`);
          steps.push(`${name} = ${name} + ${step} | 0`);
          const start = ranges.rangeOf(init);
          const span = step * Math.max(0, most - 1);
          inside = inside.withName(name, {
            low: start.low + Math.min(0, span),
            high: start.high + Math.max(0, span),
          });
        }
        return [
          `${indent}for (let ${starts.join(", ")}; ${s.name} < ${extent}; ${steps.join(", ")}) {`,
          ...this.body(s.body, `${indent}  `, inside),
          `${indent}}`,
        ];
      }
      case "let":
        return [`${indent}const ${s.name} = ${this.value(s.value, ranges)};`];
      case "accumulator":
        return [`${indent}let ${s.name} = ${this.accumulated(s.name, s.init, ranges)};`];
      case "assign":
        return [`${indent}${s.name} = ${this.accumulated(s.name, s.value, ranges)};`];
      case "store":
        return [`${indent}${this.element(s.buffer, s.index, ranges)} = ${this.stored(s.value, ranges)};`];
      case "if":
        return [
          `${indent}if (${this.expression(s.condition, ranges, 0)}) {`,
          ...this.body(s.body, `${indent}  `, ranges.withCondition(s.condition)),
          `${indent}}`,
        ];
      case "append": {
        const at = (buffer: string): string => {
          const { view, offset } = this.address(buffer);
          return `${view}[${this.sum(s.base, ranges, offset, s.count)}]`;
        };
        return [
          ...s.values.map((v) => `${indent}${at(v.buffer)} = ${this.stored(v.value, ranges)};`),
          `${indent}${s.count} = ${s.count} + (${this.expression(s.condition, ranges, 0)} ? 1 : 0) | 0;`,
        ];
      }
      case "section":
        throw new InternalError("a section stands at the top of a kernel");
      default:
        return s satisfies never;
    }
  }

  private address(buffer: string): Address {
    const address = this.environment.addresses.get(buffer);
    invariant(address !== undefined, `no address for ${buffer}`);
    return address;
  }

  private element(buffer: string, index: Expr, ranges: RangeContext): string {
    const { view, offset } = this.address(buffer);
    return `${view}[${this.sum(index, ranges, offset)}]`;
  }

  /** `index + offset (+ more)` with the constants joined. */
  private sum(index: Expr, ranges: RangeContext, offset: number, more?: string): string {
    let constant = offset;
    let rest: Expr | undefined = index;
    if (index.kind === "const") {
      constant += index.value;
      rest = undefined;
    } else if (index.kind === "binary" && index.op === "add" && index.b.kind === "const") {
      constant += index.b.value;
      rest = index.a;
    }
    const parts = [
      ...(rest === undefined ? [] : [this.expression(rest, ranges, 4)]),
      ...(more === undefined ? [] : [more]),
    ];
    if (parts.length === 0) return `${constant}`;
    if (constant !== 0) parts.push(`${constant}`);
    return parts.length === 1 && rest?.kind !== "binary" ? parts[0] : `${parts.join(" + ")} | 0`;
  }

  /** What stands behind `=` where a typed array is written: it rounds by itself. */
  private stored(value: Expr, ranges: RangeContext): string {
    if (value.dtype === "bool") return `${this.expression(value, ranges, 1)} ? 1 : 0`;
    return value.dtype === "float32" ? this.unrounded(value, ranges, 0) : this.value(value, ranges);
  }

  /** What an accumulator becomes: sums are not rounded before their end. */
  private accumulated(name: string, value: Expr, ranges: RangeContext): string {
    return this.sums.has(name) ? this.exact(value, ranges, 0) : this.value(value, ranges);
  }

  /** A sum of products in double precision. */
  private exact(e: Expr, ranges: RangeContext, level: number): string {
    const wrap = (own: number, text: string): string => (own < level ? `(${text})` : text);
    if (e.kind === "local") return e.name;
    if (e.kind === "unary" && e.op === "neg") return wrap(5, `-(${this.exact(e.a, ranges, 0)})`);
    if (e.kind === "select") {
      const condition = this.expression(e.condition, ranges, 2);
      const a = this.exact(e.a, ranges.withCondition(e.condition), 1);
      return wrap(0, `${condition} ? ${a} : ${this.exact(e.b, ranges, 1)}`);
    }
    if (e.kind !== "binary") return this.expression(e, ranges, level);
    switch (e.op) {
      case "add":
        return wrap(4, `${this.exact(e.a, ranges, 4)} + ${this.exact(e.b, ranges, 5)}`);
      case "sub":
        return wrap(4, `${this.exact(e.a, ranges, 4)} - ${this.exact(e.b, ranges, 5)}`);
      case "mul": {
        const factor = (f: Expr, own: number): string =>
          f.kind === "local" ? f.name : this.expression(f, ranges, own);
        return wrap(5, `${factor(e.a, 5)} * ${factor(e.b, 6)}`);
      }
      default:
        return this.expression(e, ranges, level);
    }
  }

  /** A word as a number from 0 on; words are kept as signed numbers, which is what JavaScript's bit operators give. */
  private unsigned(e: Expr, ranges: RangeContext, level: number): string {
    const isSmall = (e.kind === "const" && e.value < 2 ** 31) || (e.kind === "binary" && e.op === "shr");
    if (isSmall) return this.expression(e, ranges, level);
    const text = `${this.expression(e, ranges, SHIFT + 1)} >>> 0`;
    return SHIFT < level ? `(${text})` : text;
  }

  private value(e: Expr, ranges: RangeContext): string {
    return e.dtype === "int32" ? this.integer(e, ranges) : this.expression(e, ranges, 0);
  }

  private integer(e: Expr, ranges: RangeContext): string {
    const text = this.expression(e, ranges, 1);
    return e.kind === "binary" ? `${text} | 0` : text;
  }

  /** `level` is JavaScript's binding strength around: 1 `|`, 2 `||`/`&&`, 3 comparison, 4 sum, 5 product, 6 all others. */
  private expression(e: Expr, ranges: RangeContext, level: number): string {
    const wrap = (own: number, text: string): string => (own < level ? `(${text})` : text);
    switch (e.kind) {
      case "const":
        return number(e.value, e.dtype);
      case "var":
        return e.name;
      case "local":
        return this.sums.has(e.name) ? fround(e.name) : e.name;
      case "scalar":
        return `scalar_${mangle(e.name)}`;
      case "load": {
        const text = this.element(e.buffer, e.index, ranges);
        return e.dtype === "bool" ? wrap(3, `${text} !== 0`) : text;
      }
      case "unary":
      case "binary":
        return isRounded(e) ? fround(this.unrounded(e, ranges, 0)) : this.unrounded(e, ranges, level);
      case "compare": {
        const side = (operand: Expr): string =>
          operand.dtype === "uint32"
            ? this.unsigned(operand, ranges, 4)
            : this.expression(operand, ranges, 4);
        return wrap(3, `${side(e.a)} ${COMPARE[e.op]} ${side(e.b)}`);
      }
      case "select": {
        const taken = ranges.withCondition(e.condition);
        return wrap(
          0,
          `${this.expression(e.condition, ranges, 2)} ? ${this.expression(e.a, taken, 1)} : ${this.expression(e.b, ranges, 1)}`,
        );
      }
      case "cast":
        if (e.dtype === "uint32") return wrap(1, `${this.expression(e.a, ranges, 6)} | 0`);
        if (e.dtype === "float32" && isWhole(e.a)) return this.float(e.a, ranges, level);
        if (e.a.dtype === "bool") return wrap(0, `${this.expression(e.a, ranges, 2)} ? 1 : 0`);
        if (e.dtype === "bool") return wrap(3, `${this.expression(e.a, ranges, 4)} !== 0`);
        if (e.dtype === "float32" || e.a.dtype !== "float32") return this.expression(e.a, ranges, level);
        return e.dtype === "int32"
          ? wrap(1, `Math.max(-2147483648, Math.min(2147483647, ${this.expression(e.a, ranges, 0)})) | 0`)
          : `Math.trunc(${this.expression(e.a, ranges, 0)})`;
      case "reduce":
        throw new InternalError(`kernel ${this.kernel.name} is printed before it is scheduled`);
      default:
        return e satisfies never;
    }
  }

  /** A whole number as a float: those of up to 24 bits are floats already. */
  private float(e: Expr, ranges: RangeContext, level: number): string {
    const { low, high } = ranges.rangeOf(e);
    const isExact = low >= -EXACT_WHOLE && high <= EXACT_WHOLE;
    const own = isExact ? level : 0;
    const text = e.dtype === "uint32" ? this.unsigned(e, ranges, own) : this.expression(e, ranges, own);
    return isExact ? text : fround(text);
  }

  /** An operation before its result is rounded. */
  private unrounded(e: Expr, ranges: RangeContext, level: number): string {
    if (e.kind === "unary") return this.unary(e, ranges, level);
    if (e.kind === "binary") return this.binary(e, ranges, level);
    return e.kind === "local" ? e.name : this.expression(e, ranges, level);
  }

  private unary(e: Extract<Expr, { kind: "unary" }>, ranges: RangeContext, level: number): string {
    const a = this.expression(e.a, ranges, 0);
    switch (e.op) {
      case "neg":
        return level > 5 ? `(-(${a}))` : `-(${a})`;
      case "not":
        return `!(${a})`;
      case "isnan":
        return `Number.isNaN(${a})`;
      case "exp":
      case "log":
      case "expm1":
      case "log1p":
      case "sqrt":
      case "tanh":
      case "abs":
        return `Math.${e.op}(${a})`;
      case "sign":
        // NaN and -0 have the sign 0.
        return `(Math.sign(${a}) || 0)`;
      default:
        return e.op satisfies never;
    }
  }

  private binary(e: Extract<Expr, { kind: "binary" }>, ranges: RangeContext, level: number): string {
    const joins = e.op === "add" || e.op === "sub";
    const part = (operand: Expr, own: number): string =>
      joins && this.sums.isOpen(operand) ? operand.name : this.expression(operand, ranges, own);
    const infix = (sign: string, own: number): string => {
      const text = `${part(e.a, own)} ${sign} ${part(e.b, own + 1)}`;
      return own < level ? `(${text})` : text;
    };
    const call = (name: string): string =>
      `Math.${name}(${this.expression(e.a, ranges, 0)}, ${this.expression(e.b, ranges, 0)})`;
    if (e.dtype === "uint32") return this.word(e, ranges, level);
    switch (e.op) {
      case "add":
        return infix("+", 4);
      case "sub":
        return infix("-", 4);
      case "mul":
        return infix("*", 5);
      case "and":
        return infix("&&", 2);
      case "or":
        return infix("||", 2);
      case "div": {
        if (e.dtype === "float32") return infix("/", 5);
        const quotient = `${this.expression(e.a, ranges, 5)} / ${this.expression(e.b, ranges, 6)}`;
        return ranges.rangeOf(e.a).low >= 0 ? `(${quotient} | 0)` : `Math.floor(${quotient})`;
      }
      case "mod": {
        if (ranges.rangeOf(e.a).low >= 0) return infix("%", 5);
        const divisor = this.expression(e.b, ranges, 6);
        return `((${this.expression(e.a, ranges, 5)} % ${divisor} + ${divisor}) % ${divisor})`;
      }
      case "max":
      case "min":
      case "pow":
        return call(e.op);
      case "xor":
      case "bitand":
      case "shr":
        throw new InternalError(`${e.op} is an operator of words, not of ${e.dtype}`);
      default:
        return e.op satisfies never;
    }
  }

  /** Arithmetic modulo 2³²: whatever the operands' signs, `|`, `^`, `&` and `Math.imul` give the right bits. */
  private word(e: Extract<Expr, { kind: "binary" }>, ranges: RangeContext, level: number): string {
    const [a, b] = [e.a, e.b].map((operand) => this.expression(operand, ranges, 6));
    const wrap = (own: number, text: string): string => (own < level ? `(${text})` : text);
    switch (e.op) {
      case "add":
        return wrap(1, `${a} + ${b} | 0`);
      case "sub":
        return wrap(1, `${a} - ${b} | 0`);
      case "mul":
        return `Math.imul(${a}, ${b})`;
      case "xor":
        return wrap(1, `${a} ^ ${b}`);
      case "bitand":
        return wrap(1, `${a} & ${b}`);
      case "shr":
        return wrap(SHIFT, `${a} >>> ${b}`);
      default:
        throw new InternalError(`${e.op} is no operator of words`);
    }
  }
}
