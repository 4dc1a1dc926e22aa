/** Proves that a kernel is well formed and that no load or store can leave its buffer. */

import { InternalError } from "../core/errors.ts";
import { add, int, local, mul, variable } from "./build.ts";
import { printExpr } from "./print.ts";
import { RangeContext } from "./range.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "./types.ts";
import { forEachChild, substitute } from "./walk.ts";

/** Throws an {@link InternalError} that names the kernel and the offending access. */
export function verifyKernel(kernel: Kernel): void {
  new Verifier(kernel).run();
}

/** What is known at a statement; a body's own scope grows with its declarations. */
interface Scope {
  context: RangeContext;
  /** Integer and bool locals by what they stand for: indices and guards in terms of loop variables. */
  readonly definitions: Map<string, Expr>;
  readonly names: Set<string>;
  /** Accumulators that declare their values. */
  readonly declared: Map<string, readonly [number, number]>;
  /** Enclosing loop extents since each append counter was declared: how often it may count at most. */
  readonly counters: Map<string, number>;
}

/** A scope of its own for a body inside of another. */
const within = ({ context, definitions, names, declared, counters }: Scope, turns = 1): Scope => ({
  context,
  definitions: new Map(definitions),
  names: new Set(names),
  declared: new Map(declared),
  counters: new Map([...counters].map(([name, most]) => [name, most * turns])),
});

class Verifier {
  private readonly kernel: Kernel;
  private readonly buffers: ReadonlyMap<string, BufferParam>;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.buffers = new Map(kernel.buffers.map((b) => [b.name, b]));
  }

  run(): void {
    const context = this.kernel.buffers.reduce(
      (known, { name, range }) =>
        range === undefined ? known : known.withBuffer(name, { low: range[0], high: range[1] }),
      new RangeContext(),
    );
    this.body(this.kernel.body, {
      context,
      definitions: new Map(),
      names: new Set(),
      declared: new Map(),
      counters: new Map(),
    });
  }

  private fail(message: string): never {
    throw new InternalError(`kernel ${this.kernel.name}: ${message}`);
  }

  /** Verifies statements in a scope that is theirs. */
  private body(statements: readonly Stmt[], scope: Scope): void {
    for (const s of statements) this.statement(s, scope);
  }

  private statement(s: Stmt, scope: Scope): void {
    switch (s.kind) {
      case "for": {
        const extent = typeof s.extent === "number" ? s.extent : s.extent.most;
        if (!Number.isInteger(extent) || extent < 0) this.fail(`loop ${s.name} has extent ${extent}`);
        if (typeof s.extent !== "number") this.counted(s.extent, scope);
        this.fresh(s.name, scope);
        for (const i of s.inductions ?? []) this.expression(i.init, scope);
        const inside = within(scope, extent);
        inside.context = inside.context.withName(s.name, { low: 0, high: Math.max(extent - 1, 0) });
        inside.names.add(s.name);
        for (const { name, init, step } of s.inductions ?? []) {
          inside.names.add(name);
          const start = substitute(init, scope.definitions);
          inside.definitions.set(name, add(start, mul(variable(s.name), int(step))));
        }
        this.body(s.body, inside);
        return;
      }
      case "let": {
        this.fresh(s.name, scope);
        this.expression(s.value, scope);
        scope.names.add(s.name);
        if (s.value.dtype !== "float32" && s.value.dtype !== "uint32") {
          scope.definitions.set(s.name, substitute(s.value, scope.definitions));
        }
        return;
      }
      case "accumulator":
        this.fresh(s.name, scope);
        this.expression(s.init, scope);
        scope.names.add(s.name);
        if (s.range !== undefined) {
          scope.context = scope.context.withName(s.name, { low: s.range[0], high: s.range[1] });
          scope.declared.set(s.name, s.range);
          scope.counters.set(s.name, 1);
        }
        return;
      case "assign":
        if (!scope.names.has(s.name)) this.fail(`assignment to unknown ${s.name}`);
        this.expression(s.value, scope);
        this.checkRange(s.name, scope.declared.get(s.name), s.value, scope);
        return;
      case "store":
        this.expression(s.index, scope);
        this.expression(s.value, scope);
        this.access(s.buffer, s.index, scope, "store");
        this.checkStored(s.buffer, s.value, scope);
        return;
      case "if":
        this.expression(s.condition, scope);
        this.body(s.body, {
          ...within(scope),
          context: scope.context.withCondition(substitute(s.condition, scope.definitions)),
        });
        return;
      case "append": {
        const most = scope.counters.get(s.count);
        if ((scope.declared.get(s.count)?.[1] ?? 0) < s.capacity)
          this.fail(`${s.count} declares less than it may count`);
        if (most === undefined) this.fail(`append counts in unknown ${s.count}`);
        if (most > s.capacity)
          this.fail(`append to ${s.count} may happen ${most} times, capacity ${s.capacity}`);
        this.expression(s.condition, scope);
        this.expression(s.base, scope);
        const inside = {
          ...scope,
          context: scope.context.withName(s.count, { low: 0, high: s.capacity - 1 }),
        };
        for (const { buffer, value } of s.values) {
          this.expression(value, scope);
          this.access(buffer, add(s.base, local(s.count, "int32")), inside, "append");
          this.checkStored(buffer, value, scope);
        }
        return;
      }
      case "section":
        this.body(s.body, within(scope));
        return;
      default:
        s satisfies never;
    }
  }

  /** A counted extent must be known to stay within what the loop declares. */
  private counted({ count, most }: { readonly count: string; readonly most: number }, scope: Scope): void {
    if (!scope.names.has(count)) this.fail(`unknown count ${count}`);
    const { low, high } = scope.context.rangeOf(substitute(local(count, "int32"), scope.definitions));
    if (low < 0 || high > most) this.fail(`count ${count} in ${low}..${high} exceeds the declared ${most}`);
  }

  private fresh(name: string, scope: Scope): void {
    if (scope.names.has(name)) this.fail(`${name} is declared twice`);
  }

  private checkStored(buffer: string, value: Expr, scope: Scope): void {
    if (value.dtype === "uint32") this.fail(`a word is stored in ${buffer}: buffers hold other types`);
    this.checkRange(buffer, this.buffers.get(buffer)?.range, value, scope);
  }

  private checkRange(
    name: string,
    declared: readonly [number, number] | undefined,
    value: Expr,
    scope: Scope,
  ): void {
    if (declared === undefined) return;
    const { low, high } = scope.context.rangeOf(substitute(value, scope.definitions));
    if (low < declared[0] || high > declared[1]) {
      this.fail(
        `${name} holds ${declared[0]}..${declared[1]} but is given ${printExpr(value)} in ${low}..${high}`,
      );
    }
  }

  private expression(e: Expr, scope: Scope): void {
    switch (e.kind) {
      case "var":
      case "local":
        if (!scope.names.has(e.name)) this.fail(`${e.name} is not in scope`);
        return;
      case "scalar":
        if (!this.kernel.scalars.includes(e.name)) this.fail(`unknown scalar ${e.name}`);
        return;
      case "load":
        this.expression(e.index, scope);
        this.access(e.buffer, e.index, scope, "load");
        return;
      case "select": {
        this.expression(e.condition, scope);
        const taken = scope.context.withCondition(substitute(e.condition, scope.definitions));
        this.expression(e.a, { ...scope, context: taken });
        this.expression(e.b, scope);
        return;
      }
      case "reduce": {
        let { context } = scope;
        for (const { name, extent } of e.axes) {
          this.fresh(name, scope);
          context = context.withName(name, { low: 0, high: extent - 1 });
        }
        const names = new Set([...scope.names, ...e.axes.map((axis) => axis.name)]);
        this.expression(e.body, { ...scope, context, names });
        return;
      }
      case "binary":
        this.operator(e);
        this.expression(e.a, scope);
        this.expression(e.b, scope);
        return;
      case "const":
      case "unary":
      case "compare":
      case "cast":
        forEachChild(e, (child) => this.expression(child, scope));
        return;
      default:
        e satisfies never;
    }
  }

  /** Words have operators of their own and lack some of the others'; a shift is by a literal. */
  private operator({ op, dtype, b }: Extract<Expr, { kind: "binary" }>): void {
    const ofBits = op === "xor" || op === "bitand" || op === "shr";
    const ofWords = ofBits || op === "add" || op === "sub" || op === "mul";
    if (dtype === "uint32" ? !ofWords : ofBits) this.fail(`${op} is no operator of ${dtype}`);
    if (op === "shr" && !(b.kind === "const" && b.value < 32)) {
      this.fail(`shift by ${printExpr(b)}, which is no literal from 0 to 31`);
    }
  }

  private access(buffer: string, index: Expr, scope: Scope, what: "load" | "store" | "append"): void {
    const param = this.buffers.get(buffer);
    if (param === undefined) this.fail(`${what} of unknown buffer ${buffer}`);
    if (what !== "load" && param.access === "read") this.fail(`${what} into read-only ${buffer}`);
    const { low, high } = scope.context.rangeOf(substitute(index, scope.definitions));
    if (low < 0 || high >= param.length) {
      this.fail(
        `${what} of ${buffer}[${param.length}] at ${printExpr(index)} in ${low}..${high} is out of bounds`,
      );
    }
  }
}
