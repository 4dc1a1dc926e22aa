/**
 * The slow oracle: runs Loop IR kernels, before or after scheduling, in double precision. Every backend and
 * every schedule is compared with it. Kernels become closures over a register file; shared expressions, and those
 * computed in every iteration of a reduction, are recomputed only if something they depend on has changed.
 */

import { isFloat } from "../core/dtype.ts";
import { invariant } from "../core/errors.ts";
import { type Affine, coefficientOf, fromAffine, toAffine } from "./affine.ts";
import { Interner } from "./intern.ts";
import { dotOf, isEven, type Line, runDot } from "./interpret-dot.ts";
import {
  beats,
  beatsInPool,
  castNumber,
  compareNumbers,
  evaluateBinary,
  evaluateUnary,
} from "./semantics.ts";
import type { Expr, Kernel, ReduceAxis, ReduceOp, Stmt } from "./types.ts";
import { isIndex } from "./typing.ts";
import { forEachChild, freeNames } from "./walk.ts";

/** Storage by buffer name; every element is a double, whatever the buffer's dtype. */
export type Storage = Readonly<Record<string, Float64Array>>;

type Evaluate = () => number;
type Execute = () => void;

/** Prepares `kernel` over fixed storage; the result runs it with the current values of `scalars`. */
export function interpretKernel(
  kernel: Kernel,
  storage: Storage,
  scalars: Readonly<Record<string, number>>,
): () => void {
  return new Interpreter(storage, scalars).run(kernel.body);
}

const isLeaf = ({ kind }: Expr): boolean =>
  kind === "const" || kind === "var" || kind === "local" || kind === "scalar" || kind === "load";

class Interpreter {
  private readonly storage: Storage;
  private readonly scalars: Readonly<Record<string, number>>;
  private readonly slots = new Map<string, number>();
  private readonly registers: number[] = [];
  private readonly interner = new Interner();
  private readonly closures = new Map<Expr, Evaluate>();
  /** Expressions that are used more than once. */
  private readonly shared = new Set<Expr>();
  /** Grows whenever the value of a load or a scalar may have changed. */
  private epoch = 0;

  constructor(storage: Storage, scalars: Readonly<Record<string, number>>) {
    this.storage = storage;
    this.scalars = scalars;
  }

  run(statements: readonly Stmt[]): Execute {
    const body = this.body(statements);
    return () => {
      this.epoch++;
      body();
    };
  }

  private body(statements: readonly Stmt[]): Execute {
    const parts = statements.map((s) => this.statement(s));
    if (parts.length === 1) return parts[0];
    return () => {
      for (const part of parts) part();
    };
  }

  private slot(name: string): number {
    let slot = this.slots.get(name);
    if (slot === undefined) {
      slot = this.slots.size;
      this.slots.set(name, slot);
      this.registers[slot] = 0;
    }
    return slot;
  }

  private buffer(name: string): Float64Array {
    const data = this.storage[name];
    invariant(data !== undefined, `no storage for ${name}`);
    return data;
  }

  private statement(s: Stmt): Execute {
    const r = this.registers;
    switch (s.kind) {
      case "for": {
        const slot = this.slot(s.name);
        const counter = typeof s.extent === "number" ? undefined : this.slot(s.extent.count);
        const fixed = typeof s.extent === "number" ? s.extent : 0;
        const inductions = (s.inductions ?? []).map((i) => ({
          slot: this.slot(i.name),
          init: this.whole(i.init),
          step: i.step,
        }));
        const body = this.body(s.body);
        return () => {
          const extent = counter === undefined ? fixed : r[counter];
          for (const i of inductions) r[i.slot] = i.init();
          for (let iteration = 0; iteration < extent; iteration++) {
            r[slot] = iteration;
            body();
            for (const i of inductions) r[i.slot] += i.step;
          }
        };
      }
      case "let":
      case "assign":
      case "accumulator": {
        const value = this.whole(s.kind === "accumulator" ? s.init : s.value);
        const slot = this.slot(s.name);
        return () => {
          r[slot] = value();
        };
      }
      case "store": {
        const data = this.buffer(s.buffer);
        const index = this.whole(s.index);
        const value = this.whole(s.value);
        return () => {
          const at = index();
          invariant(at >= 0 && at < data.length, `store outside of ${s.buffer}`);
          data[at] = value();
          this.epoch++;
        };
      }
      case "if": {
        const condition = this.whole(s.condition);
        const then = this.body(s.body);
        return () => {
          if (condition() !== 0) then();
        };
      }
      case "append": {
        const count = this.slot(s.count);
        const condition = this.whole(s.condition);
        const base = this.whole(s.base);
        const values = s.values.map((v) => ({
          data: this.buffer(v.buffer),
          value: this.whole(v.value),
        }));
        return () => {
          for (const { data, value } of values) data[base() + r[count]] = value();
          this.epoch++;
          if (condition() !== 0) r[count] += 1;
        };
      }
      case "section":
        return this.body(s.body);
      default:
        return s satisfies never;
    }
  }

  /** An expression of a statement. */
  private whole(e: Expr): Evaluate {
    const root = this.interner.intern(e);
    const seen = new Set<Expr>();
    const visit = (node: Expr): void => {
      if (seen.has(node)) {
        this.shared.add(node);
        return;
      }
      seen.add(node);
      forEachChild(node, visit);
    };
    visit(root);
    return this.expression(root);
  }

  private expression(e: Expr): Evaluate {
    let evaluate = this.closures.get(e);
    if (evaluate === undefined) {
      const plain = this.closure(e);
      const isWork = e.kind === "reduce" || (this.shared.has(e) && !isIndex(e) && !isLeaf(e));
      evaluate = isWork ? this.remembered(e, plain) : plain;
      this.closures.set(e, evaluate);
    }
    return evaluate;
  }

  /** `evaluate`, called again only if a name in `e` or the memory has changed. */
  private remembered(e: Expr, evaluate: Evaluate): Evaluate {
    const r = this.registers;
    const slots = [...freeNames(e)].map((name) => this.slot(name));
    const before = slots.map(() => 0);
    let value = 0;
    let epoch = -1;
    return () => {
      let isKnown = epoch === this.epoch;
      for (let k = 0; k < slots.length && isKnown; k++) isKnown = before[k] === r[slots[k]];
      if (isKnown) return value;
      value = evaluate();
      epoch = this.epoch;
      for (let k = 0; k < slots.length; k++) before[k] = r[slots[k]];
      return value;
    };
  }

  private closure(e: Expr): Evaluate {
    const r = this.registers;
    switch (e.kind) {
      case "const": {
        const { value } = e;
        return () => value;
      }
      case "var":
      case "local": {
        const slot = this.slot(e.name);
        return () => r[slot];
      }
      case "scalar": {
        const { scalars } = this;
        return () => scalars[e.name];
      }
      case "load": {
        const data = this.buffer(e.buffer);
        const index = this.expression(e.index);
        return () => {
          const at = index();
          invariant(at >= 0 && at < data.length, `load outside of ${e.buffer}`);
          return data[at];
        };
      }
      case "unary": {
        const a = this.expression(e.a);
        const { op } = e;
        return () => evaluateUnary(op, a());
      }
      case "binary": {
        if (isIndex(e) && (e.op === "add" || e.op === "sub" || e.op === "mul")) return this.integer(e);
        const a = this.expression(e.a);
        const b = this.expression(e.b);
        const { op, dtype } = e;
        if (op === "and") return () => (a() !== 0 && b() !== 0 ? 1 : 0);
        if (op === "add" && isFloat(dtype)) return () => a() + b();
        if (op === "mul" && isFloat(dtype)) return () => a() * b();
        return () => evaluateBinary(op, a(), b(), dtype);
      }
      case "compare": {
        const a = this.expression(e.a);
        const b = this.expression(e.b);
        if (e.op === "ge") return () => (a() >= b() ? 1 : 0);
        if (e.op === "lt") return () => (a() < b() ? 1 : 0);
        const { op } = e;
        return () => (compareNumbers(op, a(), b()) ? 1 : 0);
      }
      case "select": {
        const condition = this.expression(e.condition);
        const a = this.expression(e.a);
        const b = this.expression(e.b);
        return () => (condition() !== 0 ? a() : b());
      }
      case "cast": {
        const a = this.expression(e.a);
        const [from, to] = [e.a.dtype, e.dtype];
        return isFloat(to) ? a : () => castNumber(a(), from, to);
      }
      case "reduce":
        return this.reduce(e.op, e.axes, e.body);
      default:
        return e satisfies never;
    }
  }

  /** A sum of products of affine loads: the innermost axis runs in `runDot`, all others as usual. */
  private dot(axes: readonly ReduceAxis[], body: Expr, slots: readonly number[]): Evaluate | undefined {
    const found = dotOf(body);
    const inner = axes.at(-1);
    if (found === undefined || inner === undefined || !isEven(found, inner.name)) return undefined;
    const r = this.registers;
    const innerSlot = slots[slots.length - 1];
    const line = (form: Affine): Line => ({
      start: this.expression(fromAffine(form)),
      step: coefficientOf(form, inner.name),
    });
    const [left, right] = found.factors;
    const a = this.buffer(left.buffer);
    const b = this.buffer(right.buffer);
    const indexA = line(left.index);
    const indexB = line(right.index);
    const guards = [...left.guards, ...right.guards].map(line);
    const enter = (axis: number, sum: number): number => {
      if (axis === axes.length - 1) {
        r[innerSlot] = 0;
        return runDot(sum, inner.extent, a, b, indexA, indexB, guards);
      }
      let total = sum;
      for (let k = 0; k < axes[axis].extent; k++) {
        r[slots[axis]] = k;
        total = enter(axis + 1, total);
      }
      return total;
    };
    return () => enter(0, 0);
  }

  /** Index arithmetic in affine form: a sum of registers times constants, and whatever is not affine. */
  private integer(e: Expr): Evaluate {
    const r = this.registers;
    const { constant, terms } = toAffine(e);
    const [only] = [...terms.values()];
    if (terms.size === 1 && only.atom === e) return this.product(e);
    const plain: { slot: number; factor: number }[] = [];
    const others: { value: Evaluate; factor: number }[] = [];
    for (const { atom, coefficient: factor } of terms.values()) {
      if (atom.kind === "var" || atom.kind === "local") plain.push({ slot: this.slot(atom.name), factor });
      else others.push({ value: this.expression(atom), factor });
    }
    if (others.length === 0 && plain.length <= 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map((k) => plain[k] ?? { slot: this.slot("0"), factor: 0 });
      const [sa, sb, sc, sd, fa, fb, fc, fd] = [
        a.slot,
        b.slot,
        c.slot,
        d.slot,
        a.factor,
        b.factor,
        c.factor,
        d.factor,
      ];
      if (plain.length <= 2) return () => constant + r[sa] * fa + r[sb] * fb;
      return () => constant + r[sa] * fa + r[sb] * fb + r[sc] * fc + r[sd] * fd;
    }
    return () => {
      let sum = constant;
      for (let k = 0; k < plain.length; k++) sum += r[plain[k].slot] * plain[k].factor;
      for (let k = 0; k < others.length; k++) sum += others[k].value() * others[k].factor;
      return sum;
    };
  }

  private product(e: Expr): Evaluate {
    invariant(e.kind === "binary" && e.op === "mul", "only a product of unknowns is its own affine atom");
    const a = this.expression(e.a);
    const b = this.expression(e.b);
    return () => a() * b();
  }

  private reduce(op: ReduceOp, axes: readonly ReduceAxis[], body: Expr): Evaluate {
    const r = this.registers;
    const slots = axes.map((axis) => this.slot(axis.name));
    const value = this.expression(body);
    const extents = axes.map((axis) => axis.extent);
    /** Visits all positions in row-major order, the last axis fastest. */
    const each = (iteration: (position: number) => void): void => {
      let position = 0;
      const enter = (axis: number): void => {
        const slot = slots[axis];
        const extent = extents[axis];
        for (let k = 0; k < extent; k++) {
          r[slot] = k;
          if (axis + 1 === slots.length) iteration(position++);
          else enter(axis + 1);
        }
      };
      if (slots.length === 0) iteration(0);
      else enter(0);
    };
    if (op === "sum") {
      const fast = this.dot(axes, body, slots);
      if (fast !== undefined) return fast;
      return () => {
        let sum = 0;
        each(() => {
          sum += value();
        });
        return sum;
      };
    }
    const replaces = op === "winner" ? beatsInPool : beats;
    return () => {
      let best = Number.NEGATIVE_INFINITY;
      let winner = 0;
      each((position) => {
        const candidate = value();
        if (replaces(candidate, best)) {
          best = candidate;
          winner = position;
        }
      });
      return op === "max" ? best : winner;
    };
  }
}
