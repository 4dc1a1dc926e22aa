/** Prints kernels of one thread per element as gpu.js kernel functions. */

import { isFloat } from "../../src/core/dtype.ts";
import { InternalError, invariant } from "../../src/core/errors.ts";
import { formatOrigins } from "../../src/core/origin.ts";
import { ANY } from "../../src/loop/range.ts";
import type { Kernel, Stmt } from "../../src/loop/types.ts";
import { isIndex } from "../../src/loop/typing.ts";
import type { Argument } from "./arguments.ts";
import { Emitter } from "./emitter.ts";
import { ExpressionPrinter, NOT_A_NUMBER } from "./print-expressions.ts";

/** A kernel's function, and its arguments, in order. */
export interface PrintedFunction {
  readonly text: string;
  readonly arguments: readonly Argument[];
}

/** The function of a kernel whose body is one loop over threads; which results are rounded depends on the mode. */
export function printFunction(kernel: Kernel, mode: string): PrintedFunction {
  const [loop] = kernel.body;
  invariant(
    kernel.body.length === 1 &&
      loop.kind === "for" &&
      loop.loop === "thread" &&
      typeof loop.extent === "number",
    `kernel ${kernel.name} has one thread per element`,
  );
  const out = new Emitter(kernel);
  out.spell(loop.name, "this.thread.x");
  out.ranges = out.ranges.withName(loop.name, { low: 0, high: loop.extent - 1 });
  new StatementPrinter(out, new ExpressionPrinter(kernel, out, mode === "cpu")).body(loop.body);
  const start = [
    `function (${out.parameters.join(", ")}) {`,
    ...(out.mayGoBeyond ? ["  let beyond = 0.0;"] : []),
  ];
  return {
    text: [...start, ...out.lines, "}"].join("\n"),
    arguments: out.arguments,
  };
}

/** The header of a function in dumps. */
export function printHeader(kernel: Kernel, mode: string, threads: number): string {
  return [
    `// ${kernel.name}: ${kernel.ops.join(", ")}`,
    `// at ${formatOrigins(kernel.origins)}`,
    `// gpujs:${mode}, one thread for each of ${threads} elements`,
  ].join("\n");
}

class StatementPrinter {
  private readonly out: Emitter;
  private readonly expressions: ExpressionPrinter;

  constructor(out: Emitter, expressions: ExpressionPrinter) {
    this.out = out;
    this.expressions = expressions;
  }

  body(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s);
  }

  private statement(s: Stmt): void {
    const { out, expressions } = this;
    switch (s.kind) {
      case "for": {
        const { name, extent } = s;
        invariant(typeof extent === "number" && s.inductions === undefined, "a loop that counts alone");
        const own = out.declare(name);
        out.block(`for (let ${own} = 0; ${own} < ${extent}; ${own}++) {`, () => {
          out.ranges = out.ranges.withName(name, { low: 0, high: Math.max(0, extent - 1) });
          this.body(s.body);
        });
        return;
      }
      case "let":
        this.define(s);
        return;
      case "accumulator": {
        const value = expressions.accumulated(s.name, s.init);
        out.emit(`let ${out.declare(s.name)} = ${value};`);
        out.ranges = out.ranges.withName(s.name, s.range ? { low: s.range[0], high: s.range[1] } : ANY);
        return;
      }
      case "assign": {
        const value = expressions.accumulated(s.name, s.value);
        out.emit(`${out.local(s.name)} = ${value};`);
        return;
      }
      case "if":
        out.block(`if (${expressions.condition(s.condition)}) {`, () => {
          out.ranges = out.ranges.withCondition(s.condition);
          this.body(s.body);
        });
        return;
      case "store": {
        const value = expressions.number(s.value, 0);
        if (!out.mayGoBeyond) {
          out.emit(`return ${value};`);
          return;
        }
        // Any result computed from a number that the thread could not hold is NaN, or infinite for integers, which
        // is reported when it is read (floats.ts).
        const result = out.fresh("result");
        out.emit(`let ${result} = ${value};`);
        out.emit(`if (beyond > 0.5) { ${result} = ${isFloat(s.value.dtype) ? NOT_A_NUMBER : "Infinity"}; }`);
        out.emit(`return ${result};`);
        return;
      }
      case "append":
      case "section":
        throw new InternalError(`${s.kind} has no form with one thread per element`);
      default:
        s satisfies never;
    }
  }

  private define({ name, value }: Extract<Stmt, { kind: "let" }>): void {
    const { out, expressions } = this;
    if (value.dtype === "uint32") {
      expressions.words.declare(name, value);
      return;
    }
    if (value.dtype === "bool" && value.kind !== "load") {
      expressions.truth(value, out.declare(name));
      return;
    }
    if (expressions.keepsWord(value)) expressions.words.declare(name, value.a);
    else {
      const text = expressions.number(value, 0);
      out.emit(`const ${out.declare(name)} = ${text};`);
    }
    if (isIndex(value)) out.ranges = out.ranges.withName(name, out.ranges.rangeOf(value));
  }
}
