/** Proves that a kernel is well formed, that its types agree and that no load or store can leave its buffer. */

import { isFloat } from "../core/dtype.ts";
import { InternalError } from "../core/errors.ts";
import { bottomUp } from "../core/topological.ts";
import { Families, likenessOf } from "./alike.ts";
import { add, int, local, mul, variable } from "./build.ts";
import { isInside, LoadBounds } from "./load-bounds.ts";
import { partsOf } from "./parts.ts";
import { printExpr } from "./print.ts";
import { type Range, RangeContext } from "./range.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "./types.ts";
import { verifyTypes } from "./verify-types.ts";
import { children, freeNames, substitute, visitExpr } from "./walk.ts";

/** Kernels that were proved: they never change, and passes keep the objects that they do not change. */
const proved = new WeakSet<Kernel>();

/** Throws an {@link InternalError} that names the kernel and the offending access. */
export function verifyKernel(kernel: Kernel): void {
  if (proved.has(kernel)) return;
  const parts = partsOf(kernel);
  if (parts !== undefined) {
    parts.forEach(verifyKernel);
    proved.add(kernel);
    return;
  }
  const first = likenessOf(kernel)?.of;
  if (first === undefined || !proved.has(first)) {
    new Verifier(kernel).run();
    verifyTypes(kernel);
  }
  proved.add(kernel);
}

/** The same for many kernels: of those that are alike one is proved. */
export function verifyKernels(kernels: readonly Kernel[]): void {
  const families = new Families();
  for (const kernel of kernels) {
    for (const part of partsOf(kernel) ?? [kernel]) families.find(part);
    verifyKernel(kernel);
  }
}

/** Whether all loads and stores of a kernel are proved to be in bounds and to have the right types. */
export function isProved(kernel: Kernel): boolean {
  try {
    verifyKernel(kernel);
    return true;
  } catch (error) {
    if (error instanceof InternalError) return false;
    throw error;
  }
}

/** Smaller expressions are walked as trees, even if they share parts. */
const SMALL = 40;

/** What is known at a statement; a body's own scope grows with its declarations. */
interface Scope {
  /** Includes the ranges of integer locals: if they suffice, the values of the locals are not needed. */
  context: RangeContext;
  /** The values of integer and bool locals: indices and guards in terms of loop variables. */
  readonly definitions: Map<string, Expr>;
  readonly names: Set<string>;
  /** Accumulators that declare their values. */
  readonly declared: Map<string, readonly [number, number]>;
  /** The product of enclosing loop extents since each append counter was declared: the most that it may count. */
  readonly counters: Map<string, number>;
}

/** A scope of its own for a body inside of another. */
const within = ({ context, definitions, names, declared, counters }: Scope, iterations = 1): Scope => ({
  context,
  definitions: new Map(definitions),
  names: new Set(names),
  declared: new Map(declared),
  counters: new Map([...counters].map(([name, most]) => [name, most * iterations])),
});

class Verifier {
  private readonly kernel: Kernel;
  private readonly buffers: ReadonlyMap<string, BufferParam>;
  /** Large expressions that were found correct, apart from what depends on their place. */
  private readonly seen = new Set<Expr>();
  /** How many more nodes an expression may have to be small. */
  private left = 0;
  private readonly loads: LoadBounds;
  /** The values of locals where the loads are examined. Each definition makes a new context. */
  private definitions: ReadonlyMap<string, Expr> = new Map();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.buffers = new Map(kernel.buffers.map((b) => [b.name, b]));
    this.loads = new LoadBounds(
      (buffer) => this.buffers.get(buffer)?.length ?? 0,
      (part) => substitute(part, this.definitions),
    );
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

  /** Verifies statements in their own scope. */
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
        inside.context = inside.context.withLoop(s.name, extent);
        inside.names.add(s.name);
        for (const { name, init, step } of s.inductions ?? []) {
          const start = substitute(init, scope.definitions);
          this.define(name, add(start, mul(variable(s.name), int(step))), inside);
        }
        this.body(s.body, inside);
        return;
      }
      case "let": {
        this.fresh(s.name, scope);
        this.expression(s.value, scope);
        if (isFloat(s.value.dtype) || s.value.dtype === "uint32") scope.names.add(s.name);
        else this.define(s.name, substitute(s.value, scope.definitions), scope);
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

  /** An integer or bool local with the value `value`. */
  private define(name: string, value: Expr, scope: Scope): void {
    scope.names.add(name);
    scope.definitions.set(name, value);
    scope.context = scope.context.withName(name, scope.context.rangeOf(value));
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

  /** Whether names, operators and loads are correct in all of `e`. */
  private expression(e: Expr, scope: Scope): void {
    this.definitions = scope.definitions;
    this.left = SMALL;
    if (this.small(e, scope)) return;
    // Large expressions may share parts: each is visited once.
    for (const name of freeNames(e)) if (!scope.names.has(name)) this.fail(`${name} is not in scope`);
    visitExpr(e, (node) => this.node(node, scope), this.seen);
    const loose = this.loads.looseIn(e, scope.context);
    if (loose !== undefined) this.outside("load", loose.load.buffer, loose.load.index, loose.range);
  }

  /** The same without caching; `false` if `e` is too large for that, or has choices or reductions. */
  private small(e: Expr, scope: Scope): boolean {
    if (this.left-- === 0) return false;
    switch (e.kind) {
      case "const":
        return true;
      case "var":
      case "local":
        if (!scope.names.has(e.name)) this.fail(`${e.name} is not in scope`);
        return true;
      case "load": {
        if (!this.small(e.index, scope)) return false;
        this.node(e, scope);
        const loose = this.loads.looseAt(e, scope.context);
        if (loose !== undefined) this.outside("load", e.buffer, e.index, loose.range);
        return true;
      }
      case "binary":
        this.node(e, scope);
        return this.small(e.a, scope) && this.small(e.b, scope);
      case "compare":
        return this.small(e.a, scope) && this.small(e.b, scope);
      case "unary":
      case "cast":
        return this.small(e.a, scope);
      case "scalar":
        this.node(e, scope);
        return true;
      case "select":
      case "reduce":
        return false;
      default:
        return e satisfies never;
    }
  }

  private node(e: Expr, scope: Scope): void {
    switch (e.kind) {
      case "scalar":
        if (!this.kernel.scalars.includes(e.name)) this.fail(`unknown scalar ${e.name}`);
        return;
      case "load":
        if (!this.buffers.has(e.buffer)) this.fail(`load of unknown buffer ${e.buffer}`);
        return;
      case "reduce":
        for (const { name } of e.axes) {
          this.fresh(name, scope);
          if (axesIn(e.body).has(name)) this.fail(`${name} is declared twice`);
        }
        return;
      case "binary":
        this.operator(e);
        return;
      case "const":
      case "var":
      case "local":
      case "unary":
      case "compare":
      case "cast":
      case "select":
        return;
      default:
        e satisfies never;
    }
  }

  /** Words have operators of their own and lack some of the others'; shifts are by literals. */
  private operator({ op, dtype, b }: Extract<Expr, { kind: "binary" }>): void {
    const ofBits = op === "xor" || op === "bitand" || op === "shr";
    const ofWords = ofBits || op === "add" || op === "sub" || op === "mul";
    if (dtype === "uint32" ? !ofWords : ofBits) this.fail(`${op} is no operator of ${dtype}`);
    if (op === "shr" && !(b.kind === "const" && b.value < 32)) {
      this.fail(`shift by ${printExpr(b)}, which is no literal from 0 to 31`);
    }
  }

  private access(buffer: string, index: Expr, scope: Scope, what: "store" | "append"): void {
    const param = this.buffers.get(buffer);
    if (param === undefined) this.fail(`${what} of unknown buffer ${buffer}`);
    if (param.access === "read") this.fail(`${what} into read-only ${buffer}`);
    if (isInside(scope.context.rangeOf(index), param.length)) return;
    const range = scope.context.rangeOf(substitute(index, scope.definitions));
    if (!isInside(range, param.length)) this.outside(what, buffer, index, range);
  }

  private outside(what: string, buffer: string, index: Expr, { low, high }: Range): never {
    const { length } = this.buffers.get(buffer)!;
    this.fail(`${what} of ${buffer}[${length}] at ${printExpr(index)} in ${low}..${high} is out of bounds`);
  }
}

const NONE: ReadonlySet<string> = new Set();

/** The names of all axes that reductions in `e` go over. */
const axesIn = bottomUp<Expr, ReadonlySet<string>>(children, (e, axesOf) => {
  const own = e.kind === "reduce" ? e.axes.map(({ name }) => name) : [];
  const below = children(e)
    .map(axesOf)
    .filter(({ size }) => size > 0);
  if (own.length === 0 && below.length <= 1) return below[0] ?? NONE;
  return new Set([...own, ...below.flatMap((names) => [...names])]);
});
