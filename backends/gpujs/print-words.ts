/** Prints the arithmetic of 32-bit words, which kernels keep as two halves each. */

import { InternalError, invariant } from "../../src/core/errors.ts";
import type { CompareOp, Expr } from "../../src/loop/types.ts";
import type { Emitter } from "./emitter.ts";
import {
  addWords,
  andWords,
  equalWords,
  lessThan,
  multiplyWords,
  type Namer,
  shiftWord,
  subtractWords,
  text,
  type Word,
  wordAsNumber,
  wordOf,
  wordOfInteger,
  xorWords,
} from "./words.ts";

const OPERATIONS: Partial<Record<string, (n: Namer, a: Word, b: Word) => Word>> = {
  add: addWords,
  sub: subtractWords,
  mul: multiplyWords,
  xor: xorWords,
  bitand: andWords,
};

/** Prints the numbers and conditions that occur among words. */
export interface Expressions {
  number(e: Expr, level: number): string;
  condition(e: Expr): string;
}

export class WordPrinter {
  private readonly out: Emitter;
  private readonly expressions: Expressions;
  private readonly locals = new Map<string, Word>();
  private readonly namer: Namer;

  constructor(out: Emitter, expressions: Expressions) {
    this.out = out;
    this.expressions = expressions;
    this.namer = {
      name: (expression) => out.constant("w", expression),
      nameInteger(expression) {
        const name = out.fresh("w");
        out.emit(`let ${name} = 0.0;`);
        out.emit(`${name} = ${expression};`);
        return name;
      },
    };
  }

  /** Computes a word once, under the name of a local. */
  declare(name: string, e: Expr): void {
    this.locals.set(name, this.word(e));
  }

  /** The word as a number that is not negative. */
  number(e: Expr): string {
    return wordAsNumber(this.word(e));
  }

  /**
   * The word as a number of either sign. If no 32-bit float holds it the thread's
   * result becomes infinite, which is reported when it is read (floats.ts).
   */
  wholeNumber(e: Expr): string {
    return this.asWhole(this.word(e));
  }

  /** The integer that a local stands for, if it is kept as a word. */
  wholeLocal(name: string): string | undefined {
    const known = this.locals.get(name);
    return known && this.asWhole(known);
  }

  private asWhole({ high, low }: Word): string {
    const name = this.out.fresh("whole");
    this.out.emit(`let ${name} = ${text(high)};`);
    this.out.emit(`if (${name} > 32767.5) { ${name} = ${name} - 65536.0; }`);
    const isExact = `${name} < 256.0 && ${name} > -257.0`;
    this.out.mayGoBeyond = true;
    this.out.emit(`if (${isExact}) { ${name} = ${name} * 65536.0 + ${text(low)}; } else { beyond = 1.0; }`);
    return name;
  }

  condition(op: CompareOp, left: Expr, right: Expr): string {
    const [a, b] = [this.word(left), this.word(right)];
    switch (op) {
      case "lt":
        return lessThan(a, b, false);
      case "le":
        return lessThan(a, b, true);
      case "gt":
        return lessThan(b, a, false);
      case "ge":
        return lessThan(b, a, true);
      case "eq":
        return equalWords(a, b);
      case "ne":
        return `(${lessThan(a, b, false)} || ${lessThan(b, a, false)})`;
      default:
        return op satisfies never;
    }
  }

  private word(e: Expr): Word {
    switch (e.kind) {
      case "const":
        return wordOf(e.value);
      case "local": {
        const known = this.locals.get(e.name);
        invariant(known !== undefined, `the word ${e.name} is declared`);
        return known;
      }
      case "cast":
        if (e.a.kind === "scalar") return this.scalar(e.a.name);
        // An integer converted from a word is still that word, however large.
        if (e.a.kind === "cast" && e.a.a.dtype === "uint32") return this.word(e.a.a);
        if (e.a.kind === "local" && this.locals.has(e.a.name)) return this.locals.get(e.a.name)!;
        return wordOfInteger(this.namer, this.expressions.number(e.a, 0));
      case "select":
        return this.select(e);
      case "binary":
        return this.binary(e);
      case "var":
      case "scalar":
      case "load":
      case "unary":
      case "compare":
      case "reduce":
        throw new InternalError(`a ${e.kind} is no word`);
      default:
        return e satisfies never;
    }
  }

  private binary(e: Extract<Expr, { kind: "binary" }>): Word {
    const a = this.word(e.a);
    if (e.op === "shr") {
      invariant(e.b.kind === "const", "a shift by a known number");
      return shiftWord(this.namer, a, e.b.value);
    }
    const operation = OPERATIONS[e.op];
    invariant(operation !== undefined, `${e.op} is no operator of words`);
    return operation(this.namer, a, this.word(e.b));
  }

  /** The host passes a scalar's bits in two halves. */
  private scalar(name: string): Word {
    return {
      high: this.out.argument({ kind: "scalar", name, part: "high" }),
      low: this.out.argument({ kind: "scalar", name, part: "low" }),
    };
  }

  private select(e: Extract<Expr, { kind: "select" }>): Word {
    const { out } = this;
    const condition = this.expressions.condition(e.condition);
    const [high, low] = [out.fresh("high"), out.fresh("low")];
    out.emit(`let ${high} = 0.0;`);
    out.emit(`let ${low} = 0.0;`);
    const assign = (value: Expr) => (): void => {
      const word = this.word(value);
      out.emit(`${high} = ${text(word.high)};`);
      out.emit(`${low} = ${text(word.low)};`);
    };
    out.block(`if (${condition}) {`, assign(e.a));
    out.otherwise(assign(e.b));
    return { high, low };
  }
}
