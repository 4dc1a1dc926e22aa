/**
 * Prints scheduled Loop IR as JavaScript: all decisions were made before. JavaScript computes in double precision, so
 * results are rounded (`Math.fround`) where `single-precision.ts` says so: a value is the same whether it was stored or
 * is recomputed, and underflows or overflows where it would in float32.
 */

import { InternalError, invariant } from "../../src/core/errors.ts";
import { formatOrigins } from "../../src/core/origin.ts";
import { formatEstimate } from "../../src/loop/print.ts";
import { ANY, RangeContext } from "../../src/loop/range.ts";
import { printSchedule } from "../../src/loop/schedule.ts";
import { wholeScalarsOf } from "../../src/loop/single-precision.ts";
import type { Kernel, Stmt } from "../../src/loop/types.ts";
import { isIndex } from "../../src/loop/typing.ts";
import { type Environment, ExpressionPrinter } from "./print-expressions.ts";
import { fround, mangle } from "./spelling.ts";

/** The functions of a kernel: one that is called, and one for each section. */
export function printJsKernel(kernel: Kernel, name: string, environment: Environment): string {
  return new Printer(kernel, name, environment).print();
}

class Printer {
  private readonly kernel: Kernel;
  private readonly name: string;
  private readonly environment: Environment;
  private readonly expressions: ExpressionPrinter;
  /** Scalars that are read as integers: all others are rounded once, at the start of a function. */
  private readonly wholeScalars: ReadonlySet<string>;

  constructor(kernel: Kernel, name: string, environment: Environment) {
    this.kernel = kernel;
    this.name = name;
    this.environment = environment;
    this.expressions = new ExpressionPrinter(kernel, environment);
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
      if (s.kind === "let" && isIndex(s.value)) ranges = ranges.withName(s.name, ranges.rangeOf(s.value));
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
          starts.push(`${name} = ${this.expressions.integer(init, ranges)}`);
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
        return [`${indent}const ${s.name} = ${this.expressions.value(s.value, ranges)};`];
      case "accumulator":
        return [`${indent}let ${s.name} = ${this.expressions.accumulated(s.name, s.init, ranges)};`];
      case "assign":
        return [`${indent}${s.name} = ${this.expressions.accumulated(s.name, s.value, ranges)};`];
      case "store":
        return [
          `${indent}${this.expressions.element(s.buffer, s.index, ranges)} = ${this.expressions.stored(s.value, ranges)};`,
        ];
      case "if":
        return [
          `${indent}if (${this.expressions.expression(s.condition, ranges, 0)}) {`,
          ...this.body(s.body, `${indent}  `, ranges.withCondition(s.condition)),
          `${indent}}`,
        ];
      case "append": {
        const at = (buffer: string): string => this.expressions.entry(buffer, s.base, s.count, ranges);
        return [
          ...s.values.map((v) => `${indent}${at(v.buffer)} = ${this.expressions.stored(v.value, ranges)};`),
          `${indent}${s.count} = ${s.count} + (${this.expressions.expression(s.condition, ranges, 0)} ? 1 : 0) | 0;`,
        ];
      }
      case "section":
        throw new InternalError("a section stands at the top of a kernel");
      default:
        return s satisfies never;
    }
  }
}
