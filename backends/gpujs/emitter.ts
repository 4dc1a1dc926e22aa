/** The text of a kernel function while it is written: its lines, names and parameters, and known ranges. */

import { invariant } from "../../src/core/errors.ts";
import { RangeContext } from "../../src/loop/range.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { type Argument, argumentName } from "./arguments.ts";
import { Names } from "./names.ts";

export class Emitter {
  readonly arguments: Argument[] = [];
  readonly lines: string[] = [];
  /** Whether a thread may meet an integer that no float holds; the variable that records it is named `beyond`. */
  mayGoBeyond = false;
  /** The ranges known at the current place. */
  ranges: RangeContext;
  private readonly names = new Names();
  private readonly locals = new Map<string, string>();
  private indent = "  ";

  constructor(kernel: Kernel) {
    this.fresh("beyond");
    this.ranges = kernel.buffers.reduce(
      (known, { name, range }) =>
        range === undefined ? known : known.withBuffer(name, { low: range[0], high: range[1] }),
      new RangeContext(),
    );
    for (const { name, access } of kernel.buffers)
      if (access !== "write") this.argument({ kind: "buffer", name });
  }

  get parameters(): readonly string[] {
    return this.arguments.map((a) => this.names.of(argumentName(a)));
  }

  /** The parameter for a buffer or for a scalar, declared with its first use. */
  argument(wanted: Argument): string {
    const name = argumentName(wanted);
    if (!this.arguments.some((a) => argumentName(a) === name)) this.arguments.push(wanted);
    return this.names.of(name);
  }

  emit(line: string): void {
    this.lines.push(`${this.indent}${line}`);
  }

  /** Lines within braces; what is learned of ranges inside is forgotten after it. */
  block(head: string, inside: () => void, tail = "}"): void {
    this.emit(head);
    const { indent, ranges } = this;
    this.indent = `${indent}  `;
    inside();
    this.indent = indent;
    this.ranges = ranges;
    this.emit(tail);
  }

  /** The `else` branch of the `if` whose block has just ended. */
  otherwise(inside: () => void): void {
    this.lines.pop();
    this.block("} else {", inside);
  }

  fresh(stem: string): string {
    return this.names.fresh(stem);
  }

  /** A name for the value of an expression; a name stays itself. */
  constant(stem: string, text: string): string {
    if (/^[A-Za-z_]\w*$/.test(text)) return text;
    const name = this.fresh(stem);
    this.emit(`const ${name} = ${text};`);
    return name;
  }

  /** Records, if a condition holds, that the thread has met an integer that no float holds. */
  goesBeyondWhere(condition: string): void {
    this.mayGoBeyond = true;
    this.emit(`if (${condition}) { beyond = 1.0; }`);
  }

  /** The name of a local of the Loop IR from here on. */
  declare(name: string): string {
    const own = this.fresh(name);
    this.locals.set(name, own);
    return own;
  }

  /** Lets a local of the Loop IR be spelled as `text`. */
  spell(name: string, text: string): void {
    this.locals.set(name, text);
  }

  local(name: string): string {
    const known = this.locals.get(name);
    invariant(known !== undefined, `${name} is declared`);
    return known;
  }
}
