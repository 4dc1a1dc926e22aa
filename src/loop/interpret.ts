/**
 * The slow oracle: runs Loop IR kernels, before or after scheduling, in double precision. Every backend and
 * every schedule is held against it. Kernels become closures over a register file, nothing else is clever.
 */

import { invariant } from "../core/errors.ts";
import { beats, compareNumbers, evaluateBinary, evaluateUnary } from "./semantics.ts";
import type { Expr, Kernel, ReduceAxis, Stmt } from "./types.ts";

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
  return new Interpreter(storage, scalars).body(kernel.body);
}

class Interpreter {
  private readonly storage: Storage;
  private readonly scalars: Readonly<Record<string, number>>;
  private readonly slots = new Map<string, number>();
  private readonly registers: number[] = [];

  constructor(storage: Storage, scalars: Readonly<Record<string, number>>) {
    this.storage = storage;
    this.scalars = scalars;
  }

  body(statements: readonly Stmt[]): Execute {
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
          init: this.expression(i.init),
          step: i.step,
        }));
        const body = this.body(s.body);
        return () => {
          const extent = counter === undefined ? fixed : r[counter];
          for (const i of inductions) r[i.slot] = i.init();
          for (let turn = 0; turn < extent; turn++) {
            r[slot] = turn;
            body();
            for (const i of inductions) r[i.slot] += i.step;
          }
        };
      }
      case "let":
      case "assign":
      case "accumulator": {
        const value = this.expression(s.kind === "accumulator" ? s.init : s.value);
        const slot = this.slot(s.name);
        return () => {
          r[slot] = value();
        };
      }
      case "store": {
        const data = this.buffer(s.buffer);
        const index = this.expression(s.index);
        const value = this.expression(s.value);
        return () => {
          const at = index();
          invariant(at >= 0 && at < data.length, `store outside of ${s.buffer}`);
          data[at] = value();
        };
      }
      case "if": {
        const condition = this.expression(s.condition);
        const then = this.body(s.body);
        return () => {
          if (condition() !== 0) then();
        };
      }
      case "append": {
        const count = this.slot(s.count);
        const condition = this.expression(s.condition);
        const base = this.expression(s.base);
        const values = s.values.map((v) => ({
          data: this.buffer(v.buffer),
          value: this.expression(v.value),
        }));
        return () => {
          for (const { data, value } of values) data[base() + r[count]] = value();
          if (condition() !== 0) r[count] += 1;
        };
      }
      case "section":
        return this.body(s.body);
      default:
        return s satisfies never;
    }
  }

  private expression(e: Expr): Evaluate {
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
        const a = this.expression(e.a);
        const b = this.expression(e.b);
        if (e.op === "add") return () => a() + b();
        if (e.op === "mul") return () => a() * b();
        const { op, dtype } = e;
        return () => evaluateBinary(op, a(), b(), dtype);
      }
      case "compare": {
        const a = this.expression(e.a);
        const b = this.expression(e.b);
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
        return e.dtype === "bool"
          ? () => (a() !== 0 ? 1 : 0)
          : e.dtype === "float32"
            ? a
            : () => Math.trunc(a());
      }
      case "reduce":
        return this.reduce(e.op, e.axes, e.body);
      default:
        return e satisfies never;
    }
  }

  private reduce(op: "sum" | "max" | "argmax", axes: readonly ReduceAxis[], body: Expr): Evaluate {
    const r = this.registers;
    const slots = axes.map((axis) => this.slot(axis.name));
    const value = this.expression(body);
    const each = (turn: (position: number) => void): void => {
      const total = axes.reduce((n, axis) => n * axis.extent, 1);
      for (let position = 0; position < total; position++) {
        let rest = position;
        for (let k = axes.length - 1; k >= 0; k--) {
          r[slots[k]] = rest % axes[k].extent;
          rest = (rest - r[slots[k]]) / axes[k].extent;
        }
        turn(position);
      }
    };
    if (op === "sum") {
      return () => {
        let sum = 0;
        each(() => {
          sum += value();
        });
        return sum;
      };
    }
    return () => {
      let best = Number.NEGATIVE_INFINITY;
      let winner = 0;
      each((position) => {
        const candidate = value();
        if (beats(candidate, best)) {
          best = candidate;
          winner = position;
        }
      });
      return op === "max" ? best : winner;
    };
  }
}
