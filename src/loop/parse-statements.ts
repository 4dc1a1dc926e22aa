/** Parses the statements of a kernel, nested by indentation. */

import { ExprReader, type Names, type Part } from "./parse-expr.ts";
import type { Expr, Induction, LoopKind, Stmt } from "./types.ts";
import { checkStatement, isIndex } from "./typing.ts";

/** Spaces per level of a program's text. */
export const INDENT = 2;

/** The deepest nesting of loops: those of kernels nest far less. */
const DEEPEST = 60;

/** A kernel's names while its statements are read; each body has locals of its own. */
export interface Scope extends Names {
  readonly locals: Map<string, Expr>;
  /** Those that may be assigned. */
  readonly accumulators: Set<string>;
  readonly parts: Map<string, Part>;
}

type Of<K extends Stmt["kind"]> = Extract<Stmt, { kind: K }>;

const within = (scope: Scope): Scope => ({
  ...scope,
  locals: new Map(scope.locals),
  accumulators: new Set(scope.accumulators),
  parts: new Map(),
});

const NUMBER = /\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])/y;

export class StatementReader extends ExprReader {
  /** Goes to the next line that is neither empty nor a comment. */
  nextLine(): void {
    do this.row++;
    while (!this.atEnd() && /^\s*(?:#|$)/.test(this.line()));
    this.column = 0;
  }

  endLine(): void {
    this.blanks();
    if (this.column < this.line().length) this.fail("the end of the line");
    this.nextLine();
  }

  number(): number {
    return Number(this.match(NUMBER, "a number"));
  }

  /** ` in 0..3`, if it comes next. */
  range(): readonly [number, number] | undefined {
    const found = this.find(/ in (-?\d+)\.\.(-?\d+)(?![\w.])/y);
    return found && [Number(found[1]), Number(found[2])];
  }

  /** The statements that are indented by `indent` spaces. */
  body(indent: number, scope: Scope): Stmt[] {
    if (indent > DEEPEST * INDENT)
      this.refuse(0, `statements may nest ${DEEPEST} levels deep, and this is deeper`);
    const statements: Stmt[] = [];
    for (;;) {
      const own = this.atEnd() ? 0 : this.line().search(/\S/);
      if (own < indent) return statements;
      if (own > indent) this.refuse(own, `expected a line that is indented by at most ${indent} blanks`);
      this.column = indent;
      if (this.line().startsWith("%", indent)) this.sharedPart(scope);
      else statements.push(this.statement(indent, scope));
    }
  }

  /** `%0 in k := x[k] * 2.0`: a part that the statement below uses several times. */
  private sharedPart(scope: Scope): void {
    const start = this.column;
    const name = this.match(/%\d+/y, "a part such as %0");
    if (scope.parts.has(name)) this.failAt(start, "a new part", `${name} is written already`);
    const axes: string[] = [];
    const locals = new Map(scope.locals);
    if (this.accept(" in ")) {
      do {
        const axis = this.declared(locals);
        axes.push(axis);
        locals.set(axis, { kind: "var", dtype: "int32", name: axis });
      } while (this.accept(", "));
    }
    this.word(" := ");
    scope.parts.set(name, { value: this.expression({ ...scope, locals }), axes });
    this.endLine();
  }

  private statement(indent: number, scope: Scope): Stmt {
    const start = this.column;
    const inside = within(scope);
    const s = this.head(scope, inside);
    this.explained(start, () => checkStatement(s, (name) => scope.buffers.get(name)?.dtype));
    scope.parts.clear();
    this.endLine();
    return "body" in s ? { ...s, body: this.body(indent + INDENT, inside) } : s;
  }

  /** One line: a statement, its body still empty. What it declares for its body goes to `inside`. */
  private head(scope: Scope, inside: Scope): Stmt {
    const start = this.column;
    const stored = this.find(/([A-Za-z_]\w*)\[/y)?.[1];
    if (stored !== undefined) return this.store(start, stored, scope);
    const assigned = this.find(/([A-Za-z_]\w*) = /y)?.[1];
    if (assigned !== undefined) return this.assign(start, assigned, scope);
    const word = this.match(
      /(?:for|let|var|if|append|section) /y,
      "a statement such as let, var, for, if or x[i] = …",
    );
    switch (word) {
      case "for ":
        return this.loop(scope, inside);
      case "let ": {
        const name = this.declared(scope.locals);
        this.word(" = ");
        const value = this.expression(scope);
        scope.locals.set(name, { kind: "local", dtype: value.dtype, name });
        return { kind: "let", name, value };
      }
      case "var ":
        return this.accumulator(scope);
      case "if ":
        return { kind: "if", condition: this.expression(scope), body: [] };
      case "append ":
        return this.append(scope);
      default:
        return { kind: "section", name: this.identifier("the name of a section"), body: [] };
    }
  }

  private store(start: number, buffer: string, scope: Scope): Of<"store"> {
    this.requireBuffer(start, buffer, scope);
    const index = this.expression(scope);
    this.word("]");
    this.word(" = ");
    const value = this.expression(scope);
    return { kind: "store", buffer, index, value };
  }

  private requireBuffer(start: number, name: string, { buffers }: Scope): void {
    if (!buffers.has(name)) this.failAt(start, "a buffer of the kernel", `${name} is not one`);
  }

  private assign(start: number, name: string, scope: Scope): Stmt {
    const local = scope.locals.get(name);
    if (local === undefined || !scope.accumulators.has(name))
      return this.failAt(start, "a name that var declares above", `${name} is not one`);
    const valueStart = this.column;
    const value = this.expression(scope);
    if (value.dtype !== local.dtype)
      this.refuse(valueStart, `${name} takes ${local.dtype}, not ${value.dtype}`);
    return { kind: "assign", name, value };
  }

  private accumulator(scope: Scope): Stmt {
    const name = this.declared(scope.locals);
    this.word(" = ");
    const init = this.expression(scope);
    const range = this.range();
    scope.locals.set(name, { kind: "local", dtype: init.dtype, name });
    scope.accumulators.add(name);
    return { kind: "accumulator", name, init, ...(range && { range }) };
  }

  private loop(scope: Scope, inside: Scope): Of<"for"> {
    const name = this.declared(scope.locals);
    this.word(" in ");
    const extent = this.extent(scope);
    inside.locals.set(name, { kind: "var", dtype: "int32", name });
    const inductions: Induction[] = [];
    while (this.accept(", ")) {
      const pointer = this.declared(inside.locals);
      this.word(" = ");
      const init = this.expression(scope);
      this.word(" step ");
      inductions.push({ name: pointer, init, step: this.whole("a step", Number.NEGATIVE_INFINITY) });
      inside.locals.set(pointer, { kind: "local", dtype: "int32", name: pointer });
    }
    this.word(" ");
    const kinds = /(?:grid|serial|reduce|unroll|vector|thread)(?!\w)/y;
    const loop = this.match(kinds, "one of grid, serial, reduce, unroll, vector, thread") as LoopKind;
    return { kind: "for", name, extent, loop, ...(inductions.length > 0 && { inductions }), body: [] };
  }

  /** `5`, or `count (at most 64, usually 12)`. */
  private extent({ locals }: Scope): Of<"for">["extent"] {
    const start = this.column;
    const count = this.find(/[A-Za-z_]\w*/y)?.[0];
    if (count === undefined) return this.whole("an extent");
    const local = locals.get(count);
    if (local?.kind !== "local" || !isIndex(local)) {
      return this.failAt(start, "an extent, or a local that counts", `${count} is not one`);
    }
    this.word(" (at most ");
    const most = this.whole("an extent");
    const usual = this.accept(", usually ") ? this.number() : undefined;
    this.word(")");
    return { count, most, ...(usual !== undefined && { usual }) };
  }

  private append(scope: Scope): Of<"append"> {
    const values: { buffer: string; value: Expr }[] = [];
    do {
      const start = this.column;
      const buffer = this.identifier("the name of a buffer");
      this.requireBuffer(start, buffer, scope);
      this.word(" <- ");
      values.push({ buffer, value: this.expression(scope) });
    } while (this.accept(", "));
    this.word(" at ");
    const start = this.column;
    const place = this.expression(scope);
    if (place.kind !== "binary" || place.op !== "add" || place.b.kind !== "local") {
      return this.failAt(start, "a place and a count, such as i0 * 8 + count");
    }
    this.word(" below ");
    const capacity = this.whole("a capacity");
    this.word(" when ");
    const condition = this.expression(scope);
    return { kind: "append", count: place.b.name, capacity, condition, base: place.a, values };
  }
}
