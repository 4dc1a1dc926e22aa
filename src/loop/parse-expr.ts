/** Parses expressions of the Loop IR: operators by binding strength, names by their declarations. */

import { isElement } from "../core/conversion.ts";
import { dtypeFromShortName, scalarTypeFromShortName, shortName } from "../core/dtype.ts";
import { TextReader } from "../core/text-reader.ts";
import { ELEMENTARY } from "./elementary.ts";
import { COMPARISON, INFIX, isReserved, SUFFIXED } from "./spelling.ts";
import type {
  BinaryOp,
  BufferParam,
  CompareOp,
  Expr,
  ExprType,
  ReduceAxis,
  ReduceOp,
  UnaryOp,
} from "./types.ts";
import { TypeFault, typeOf } from "./typing.ts";

/** The meaning of a kernel's names at one place. */
export interface Names {
  readonly buffers: ReadonlyMap<string, BufferParam>;
  readonly scalars: ReadonlyMap<string, ExprType>;
  /** Loop variables and locals. */
  readonly locals: ReadonlyMap<string, Expr>;
  /** Shared parts of the statement being read, written before it. */
  readonly parts: ReadonlyMap<string, Part>;
}

/** A part that a statement shares, and the axes of reductions that it can only be used inside of. */
export interface Part {
  readonly value: Expr;
  readonly axes: readonly string[];
}

/** The deepest nesting of expressions: those of kernels nest far less, and recursions over them use the call stack. */
const DEEPEST = 500;

type Operator = BinaryOp | CompareOp;

const OPERATORS: ReadonlyMap<string, { readonly op: Operator; readonly level: number }> = new Map(
  (Object.keys(INFIX) as Operator[]).flatMap((op) => {
    const infix = INFIX[op];
    return infix === undefined ? [] : [[infix.sign, { op, level: infix.level }] as const];
  }),
);

const COMPARISONS: ReadonlySet<string> = new Set<CompareOp>(["lt", "le", "gt", "ge", "eq", "ne"]);

const isComparison = (op: Operator): op is CompareOp => COMPARISONS.has(op);

const UNARY: ReadonlySet<string> = new Set<UnaryOp>([
  ...ELEMENTARY,
  ...(["neg", "sqrt", "abs", "sign", "not", "isnan"] as const),
  ...(["floor", "ceil", "trunc", "round"] as const),
]);

const isUnary = (name: string): name is UnaryOp => UNARY.has(name);

/** Operators of two operands that are written as functions. */
const isFunction = (name: string): name is BinaryOp => name in INFIX && INFIX[name as Operator] === undefined;

const SIGN = / (\|\||&&|>>>|[<>=!]=|[<>^&+\-*/%]) /y;

/** `sum[` of `sum[k<5](…)`; a buffer may be called sum, too. */
const REDUCTION = /(sum|max|argmax|winner)\[(?=(?:\w+<\d+(?:, \w+<\d+)*)?\]\()/y;

/** The types that may follow a number as a suffix. */
const SUFFIX = new RegExp(`(?:${SUFFIXED.map(shortName).join("|")})$`);

const CONSTANT = new RegExp(
  `(?:0x[\\da-f]+|-?(?:inf|\\d+(?:\\.\\d+)?(?:e[-+]?\\d+)?(?:${SUFFIX.source.slice(0, -1)})?)|nan|true|false)(?![\\w.[(])`,
  "y",
);

export class ExprReader extends TextReader {
  private depth = 0;

  /** An expression whose operators bind at least as strongly as `least`. */
  expression(names: Names, least = 1): Expr {
    const start = this.column;
    if (++this.depth > DEEPEST)
      this.refuse(start, `expressions may nest ${DEEPEST} levels deep, and this is deeper`);
    let left = this.operand(names);
    let most = Number.POSITIVE_INFINITY;
    for (let next = this.operator(least, most); next !== undefined; next = this.operator(least, most)) {
      const { op, level } = next;
      const right = this.expression(names, level + 1);
      if (isComparison(op)) {
        left = this.typed(start, { kind: "compare", dtype: "bool", op, a: left, b: right });
        most = COMPARISON - 1; // comparisons do not chain
      } else left = this.typed(start, { kind: "binary", dtype: left.dtype, op, a: left, b: right });
    }
    this.depth--;
    return left;
  }

  /** The next operator, if its binding strength is in the given range. */
  private operator(
    least: number,
    most: number,
  ): { readonly op: Operator; readonly level: number } | undefined {
    const before = this.column;
    const found = OPERATORS.get(this.find(SIGN)?.[1] ?? "");
    if (found !== undefined && found.level >= least && found.level <= most) return found;
    this.column = before;
    return undefined;
  }

  private operand(names: Names): Expr {
    const start = this.column;
    if (this.accept("(")) {
      const inside = this.expression(names);
      this.word(")");
      return inside;
    }
    if (this.accept("$")) return this.scalar(start, names);
    const part = this.find(/%\d+/y)?.[0];
    if (part !== undefined) return this.part(start, part, names);
    const reduction = this.find(REDUCTION);
    if (reduction !== undefined) return this.reduction(start, reduction[1] as ReduceOp, names);
    const constant = this.find(CONSTANT);
    if (constant !== undefined) return this.constant(start, constant[0]);
    const word = this.match(/[A-Za-z_]\w*/y, "an expression");
    if (this.accept("(")) return this.call(start, word, names);
    if (this.accept("[")) return this.load(start, word, names);
    return names.locals.get(word) ?? this.failAt(start, "a name declared above", `${word} is not one`);
  }

  private constant(start: number, text: string): Expr {
    const of = (dtype: ExprType, value: number, isOne = true): Expr =>
      isOne ? { kind: "const", dtype, value } : this.refuse(start, `${text} is not a number of ${dtype}`);
    if (text === "true" || text === "false") return of("bool", text === "true" ? 1 : 0);
    if (text.startsWith("0x")) return of("uint32", Number(text), Number(text) < 2 ** 32);
    const suffix = SUFFIX.exec(text)?.[0];
    const named = suffix === undefined ? undefined : dtypeFromShortName(suffix);
    if (suffix !== undefined && named !== undefined) {
      const value = Number(text.slice(0, -suffix.length));
      return of(named, value, isElement(value, named));
    }
    if (/[.eni]/.test(text)) {
      return of("float32", text === "nan" ? Number.NaN : Number(text.replace("inf", "Infinity")));
    }
    return of("int32", Number(text), (Number(text) | 0) === Number(text));
  }

  private scalar(start: number, { scalars }: Names): Expr {
    const name = this.name();
    const dtype = scalars.get(name);
    if (dtype !== undefined) return { kind: "scalar", dtype, name };
    return this.failAt(start, "a scalar that the kernel declares", `$${name} is not one`);
  }

  private part(start: number, name: string, { parts, locals }: Names): Expr {
    const part =
      parts.get(name) ?? this.failAt(start, "a part written above the statement", `${name} is not one`);
    const outside = part.axes.find((axis) => !locals.has(axis));
    if (outside !== undefined) this.refuse(start, `${name} can only be used where ${outside} is declared`);
    return part.value;
  }

  private load(start: number, name: string, names: Names): Expr {
    const index = this.expression(names);
    this.word("]");
    const buffer =
      names.buffers.get(name) ?? this.failAt(start, "a buffer of the kernel", `${name} is not one`);
    return this.typed(start, { kind: "load", dtype: buffer.dtype, buffer: name, index });
  }

  private call(start: number, name: string, names: Names): Expr {
    const operands: Expr[] = [];
    this.separated(")", () => operands.push(this.expression(names)));
    const [a, b, c] = operands;
    const takes = (count: number): void => {
      const wanted = `${count} ${count === 1 ? "operand" : "operands"} of ${name}`;
      if (operands.length !== count) this.failAt(start, wanted, `found ${operands.length}`);
    };
    const cast = scalarTypeFromShortName(name);
    if (cast !== undefined) {
      takes(1);
      return this.typed(start, { kind: "cast", dtype: cast, a });
    }
    if (isUnary(name)) {
      takes(1);
      return this.typed(start, { kind: "unary", dtype: a.dtype, op: name, a });
    }
    if (isFunction(name)) {
      takes(2);
      return this.typed(start, { kind: "binary", dtype: a.dtype, op: name, a, b });
    }
    if (name !== "select") this.failAt(start, "an operator", `${name} is not one`);
    takes(3);
    return this.typed(start, { kind: "select", dtype: b.dtype, condition: a, a: b, b: c });
  }

  /** The rest of `sum[ci<6, ky<5](…)`. */
  private reduction(start: number, op: ReduceOp, names: Names): Expr {
    const axes: ReduceAxis[] = [];
    const locals = new Map(names.locals);
    this.separated("]", () => {
      const name = this.declared(locals);
      this.word("<");
      axes.push({ name, extent: this.whole("an extent", 1) });
      locals.set(name, { kind: "var", dtype: "int32", name });
    });
    this.word("(");
    const body = this.expression({ ...names, locals });
    this.word(")");
    return this.typed(start, { kind: "reduce", dtype: body.dtype, op, axes, body });
  }

  /** A name for a loop or a local that is new here. */
  declared(locals: ReadonlyMap<string, Expr>): string {
    const start = this.column;
    const name = this.identifier("a name");
    if (isReserved(name)) this.failAt(start, "another name", `${name} means something else in code`);
    if (locals.has(name)) this.failAt(start, "a new name", `${name} is declared already`);
    return name;
  }

  identifier(what: string): string {
    return this.match(/[A-Za-z_]\w*(?![\w.$"])/y, what);
  }

  /** A whole number from `least` on. */
  whole(what: string, least = 0): number {
    const start = this.column;
    const value = Number(this.match(/-?\d+(?!\w|\.\d)/y, what));
    if (Number.isSafeInteger(value) && value >= least) return value;
    return this.failAt(start, `${what} from ${least} on`);
  }

  /** `e` with the type that follows from its operands. */
  typed<E extends Expr>(start: number, e: E): Expr {
    return { ...e, dtype: this.explained(start, () => typeOf(e)) } as Expr;
  }

  /** Adds the position in the text to an error of `check`. */
  explained<T>(start: number, check: () => T): T {
    try {
      return check();
    } catch (error) {
      if (error instanceof TypeFault) return this.refuse(start, error.fault);
      throw error;
    }
  }
}
