/**
 * Proves that the iterations of a loop are independent in memory: no other iteration reads or writes an element that
 * one of them writes. What is not proved counts as dependent.
 */

import { greatestCommonDivisor, occursInside, toAffine } from "../../../src/loop/affine.ts";
import { add, int, local, mul, variable } from "../../../src/loop/build.ts";
import { ANY, RangeContext } from "../../../src/loop/range.ts";
import type { Expr, Kernel, Stmt } from "../../../src/loop/types.ts";
import { isIndex } from "../../../src/loop/typing.ts";
import { usedBuffers } from "../../../src/loop/used-buffers.ts";
import { ownExpressions, substitute, visitExpr } from "../../../src/loop/walk.ts";

/** One summand of an index: the factor of a term, and the range of values it adds. */
interface Summand {
  readonly coefficient: number;
  readonly low: number;
  readonly high: number;
}

/** An element that is read or written, as a sum over loops and other unknowns. */
interface Access {
  readonly constant: number;
  readonly terms: ReadonlyMap<string, Summand>;
  /** Loops that the index does not depend on linearly. */
  readonly uneven: ReadonlySet<string>;
}

interface Scope {
  readonly definitions: ReadonlyMap<string, Expr>;
  readonly ranges: RangeContext;
  readonly loops: readonly string[];
}

/** All accesses in a part of a kernel to the buffers that this part writes. */
export class WrittenElements {
  private readonly accesses = new Map<string, Access[]>();
  /** Whether any of them is read: mostly none is, and then no expression has to be visited. */
  private readonly areRead: boolean;

  constructor(kernel: Kernel, body: readonly Stmt[]) {
    const own = new Set(kernel.buffers.filter((b) => b.private).map((b) => b.name));
    const { stored, loaded } = usedBuffers(body);
    for (const name of stored) if (!own.has(name)) this.accesses.set(name, []);
    this.areRead = [...this.accesses.keys()].some((name) => loaded.has(name));
    let ranges = new RangeContext();
    for (const b of kernel.buffers)
      if (b.range) ranges = ranges.withBuffer(b.name, { low: b.range[0], high: b.range[1] });
    this.body(body, { definitions: new Map(), ranges, loops: [] });
  }

  /** Whether no two of the `extent` iterations of `loop` meet in an element that one of them writes. */
  areDisjointAlong(loop: string, extent: number): boolean {
    return [...this.accesses.values()].every(
      (accesses) => belongToIterations(accesses, loop, extent) || neverMeet(accesses, loop, extent),
    );
  }

  private body(statements: readonly Stmt[], outer: Scope): void {
    let scope = outer;
    for (const s of statements) scope = this.statement(s, scope);
  }

  private statement(s: Stmt, scope: Scope): Scope {
    if (this.areRead) for (const e of ownExpressions(s)) this.loads(e, scope);
    switch (s.kind) {
      case "for": {
        const most = typeof s.extent === "number" ? s.extent : s.extent.most;
        const definitions = new Map(scope.definitions);
        for (const { name, init, step } of s.inductions ?? []) {
          definitions.set(name, add(substitute(init, scope.definitions), mul(variable(s.name), int(step))));
        }
        this.body(s.body, {
          definitions,
          ranges: scope.ranges.withName(s.name, { low: 0, high: Math.max(0, most - 1) }),
          loops: [...scope.loops, s.name],
        });
        return scope;
      }
      case "let": {
        if (!isIndex(s.value)) return scope;
        const definitions = new Map(scope.definitions).set(s.name, substitute(s.value, scope.definitions));
        return { ...scope, definitions };
      }
      case "accumulator": {
        const range = s.range === undefined ? ANY : { low: s.range[0], high: s.range[1] };
        return { ...scope, ranges: scope.ranges.withName(s.name, range) };
      }
      case "store":
        this.note(s.buffer, s.index, scope);
        return scope;
      case "append": {
        const ranges = scope.ranges.withName(s.count, { low: 0, high: s.capacity - 1 });
        for (const { buffer } of s.values)
          this.note(buffer, add(s.base, local(s.count, "int32")), { ...scope, ranges });
        return scope;
      }
      case "if":
      case "section":
        this.body(s.body, scope);
        return scope;
      case "assign":
        return scope;
      default:
        return s satisfies never;
    }
  }

  private loads(e: Expr, scope: Scope): void {
    visitExpr(e, (node) => {
      if (node.kind === "load") this.note(node.buffer, node.index, scope);
    });
  }

  private note(buffer: string, index: Expr, { definitions, ranges, loops }: Scope): void {
    const accesses = this.accesses.get(buffer);
    if (accesses === undefined) return;
    const form = toAffine(substitute(index, definitions));
    const terms = [...form.terms].map(([key, { atom, coefficient }]): [string, Summand] => {
      const { low, high } = ranges.rangeOf(atom);
      const ends = [coefficient * low, coefficient * high];
      return [key, { coefficient, low: Math.min(...ends), high: Math.max(...ends) }];
    });
    accesses.push({
      constant: form.constant,
      terms: new Map(terms),
      uneven: new Set(loops.filter((name) => occursInside(form, name))),
    });
  }
}

/**
 * Indices are read as numbers of mixed radix: terms smaller than the loop's step must stay within one step of each other,
 * and larger ones must be multiples of something that the loop's steps never reach; then the loop's digit names the iteration.
 */
function belongToIterations(accesses: readonly Access[], loop: string, extent: number): boolean {
  const [first] = accesses;
  const step = first?.terms.get(loop)?.coefficient ?? 0;
  if (step === 0) return accesses.length === 0;
  const reach = Math.abs(step) * extent;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let radix = 0;
  for (const { constant, terms, uneven } of accesses) {
    if (terms.get(loop)?.coefficient !== step || uneven.has(loop)) return false;
    let [least, most] = [constant, constant];
    for (const [name, term] of terms) {
      if (name === loop) continue;
      if (Math.abs(term.coefficient) >= reach)
        radix = greatestCommonDivisor(radix, Math.abs(term.coefficient));
      else {
        least += term.low;
        most += term.high;
      }
    }
    low = Math.min(low, least);
    high = Math.max(high, most);
  }
  const spread = high - low;
  return spread < Math.abs(step) && (radix === 0 || reach - Math.abs(step) + spread < radix);
}

/** How many digit values are tried for a loop before its iterations count as dependent. */
const MOST_TRIALS = 4096;

/**
 * Looks for two accesses of different iterations that meet, digit by digit from the largest coefficient down: what the
 * smaller ones can still add leaves few values for each digit. This sees through constants and padding between rows.
 */
function neverMeet(accesses: readonly Access[], loop: string, extent: number): boolean {
  const shapes = new Map<string, { readonly terms: Access["terms"]; readonly constants: Set<number> }>();
  for (const { constant, terms, uneven } of accesses) {
    if (uneven.has(loop) || !terms.has(loop)) return false;
    const key = [...terms].map(([name, t]) => `${name} ${t.coefficient} ${t.low} ${t.high}`).join();
    const shape = shapes.get(key) ?? { terms, constants: new Set() };
    shapes.set(key, shape);
    shape.constants.add(constant);
  }
  const all = [...shapes.values()];
  let trials = MOST_TRIALS;
  const meet = (digits: readonly Digit[], distance: number, k: number): boolean => {
    if (k === digits.length) return distance === 0;
    const { step, low, high, rest, isLoop } = digits[k];
    const first = Math.max(low, Math.ceil((-distance - rest[1]) / step));
    const last = Math.min(high, Math.floor((-distance - rest[0]) / step));
    for (let n = first; n <= last; n++) {
      if (isLoop && n === 0) continue;
      if (--trials < 0 || meet(digits, distance + n * step, k + 1)) return true;
    }
    return false;
  };
  return all.every((a, k) =>
    all.slice(k).every((b) => {
      const digits = digitsBetween(a.terms, b.terms, loop, extent);
      const distances = new Set([...a.constants].flatMap((x) => [...b.constants].map((y) => x - y)));
      return digits !== undefined && [...distances].every((distance) => !meet(digits, distance, 0));
    }),
  );
}

/** How many steps of a coefficient two indices may differ by, and how much all smaller coefficients may add to that. */
interface Digit {
  readonly step: number;
  readonly low: number;
  readonly high: number;
  readonly rest: readonly [low: number, high: number];
  readonly isLoop: boolean;
}

/**
 * The digits in which two indices may differ, largest first;
 * none if a loop counts differently or something is unbounded.
 */
function digitsBetween(
  a: Access["terms"],
  b: Access["terms"],
  loop: string,
  extent: number,
): Digit[] | undefined {
  const step = a.get(loop)?.coefficient ?? 0;
  if (step === 0 || b.get(loop)?.coefficient !== step) return undefined;
  const ranges = new Map<number, { low: number; high: number }>();
  const note = (terms: Access["terms"], sign: 1 | -1): void => {
    for (const [name, { coefficient, low, high }] of terms) {
      if (name === loop) continue;
      const size = Math.abs(coefficient);
      const range = ranges.get(size) ?? { low: 0, high: 0 };
      ranges.set(size, range);
      range.low += sign === 1 ? low : -high;
      range.high += sign === 1 ? high : -low;
    }
  };
  note(a, 1);
  note(b, -1);
  const size = Math.abs(step);
  const digits = [...ranges].map(([of, { low, high }]) => ({
    step: of,
    low: low / of,
    high: high / of,
    isLoop: false,
  }));
  digits.push({ step: size, low: 1 - extent, high: extent - 1, isLoop: true });
  digits.sort((x, y) => y.step - x.step);
  if (!digits.every(({ low, high }) => Number.isFinite(low) && Number.isFinite(high))) return undefined;
  return digits.map((digit, k): Digit => {
    const smaller = digits.slice(k + 1);
    const rest = [
      smaller.reduce((sum, d) => sum + d.step * d.low, 0),
      smaller.reduce((sum, d) => sum + d.step * d.high, 0),
    ] as const;
    return { ...digit, rest };
  });
}
