/**
 * Proves that nothing in a step reads a state after it was stored: no later kernel does, and within a kernel a load comes
 * before the store of the same element, in the iterations of loops and in the order of statements.
 */

import { InternalError } from "../core/errors.ts";
import { type Affine, addAffine, toAffine } from "./affine.ts";
import { add, int, mul, variable } from "./build.ts";
import { type Digit, digitOf, type Extents, linearizeIndex } from "./linearize-index.ts";
import type { LoweredProgram } from "./program.ts";
import { type Range, RangeContext } from "./range.ts";
import type { Expr, Kernel, Stmt } from "./types.ts";
import { isIndex } from "./typing.ts";
import { children, ownExpressions, substitute } from "./walk.ts";

/** Throws an {@link InternalError} that names the kernel and the state. */
export function verifyStates({ kernels, buffers, outputs }: LoweredProgram): void {
  const states = new Set(buffers.filter(({ role }) => role === "state").map(({ name }) => name));
  const stored = new Map<string, string>();
  for (const kernel of kernels) {
    const touched = kernel.buffers.filter(({ name }) => states.has(name));
    for (const { name, access } of touched) {
      const earlier = stored.get(name);
      if (earlier !== undefined && access !== "write")
        fail(kernel, `it reads the state ${name}, which ${earlier} has stored`);
    }
    const changed = touched.filter(({ access }) => access !== "read").map(({ name }) => name);
    if (changed.length > 0) new StateAccesses(kernel, new Set(changed)).verify();
    for (const name of changed) stored.set(name, kernel.name);
  }
  for (const { name, buffer } of outputs) {
    const kernel = stored.get(buffer);
    if (states.has(buffer) && kernel !== undefined)
      throw new InternalError(`the output ${name} is the state ${buffer}, which ${kernel} has stored`);
  }
}

function fail(kernel: Kernel, why: string): never {
  throw new InternalError(`kernel ${kernel.name}: ${why}`);
}

interface Loop {
  readonly name: string;
  readonly extent: number;
}

/** One load or store of a state in the text of a kernel: its place and the element it accesses. */
interface Access {
  readonly buffer: string;
  readonly index: Affine;
  readonly range: Range;
  /** The range of each part of the index. */
  readonly context: RangeContext;
  /** The loops around it, outermost first; two are the same loop only if they are one object. */
  readonly loops: readonly Loop[];
  readonly position: number;
}

/** What is known at a statement. */
interface Scope {
  readonly loops: readonly Loop[];
  readonly context: RangeContext;
  /** The values of integer locals. */
  readonly definitions: Map<string, Expr>;
}

/** The loads and stores of some states in a kernel. */
class StateAccesses {
  private readonly kernel: Kernel;
  private readonly states: ReadonlySet<string>;
  private readonly loads: Access[] = [];
  private readonly stores: Access[] = [];
  private position = 0;

  constructor(kernel: Kernel, states: ReadonlySet<string>) {
    this.kernel = kernel;
    this.states = states;
    this.collect(kernel.body, { loops: [], context: new RangeContext(), definitions: new Map() });
  }

  verify(): void {
    for (const store of this.stores) {
      for (const load of this.loads) {
        if (load.buffer !== store.buffer || isBefore(load, store) || areApart(load, store)) continue;
        if (isInIteration(load, store)) continue;
        fail(this.kernel, `it may read elements of the state ${load.buffer} that it has stored already`);
      }
    }
  }

  private collect(body: readonly Stmt[], scope: Scope): void {
    for (const s of body) {
      for (const e of ownExpressions(s)) this.expression(e, scope);
      this.position++;
      switch (s.kind) {
        case "for":
          this.collect(s.body, inside(s, scope));
          break;
        case "if":
          this.collect(s.body, {
            ...scope,
            context: scope.context.withCondition(substitute(s.condition, scope.definitions)),
            definitions: new Map(scope.definitions),
          });
          break;
        case "section":
          this.collect(s.body, { ...scope, definitions: new Map(scope.definitions) });
          break;
        case "let":
          if (isIndex(s.value)) scope.definitions.set(s.name, substitute(s.value, scope.definitions));
          break;
        case "store":
          if (this.states.has(s.buffer)) this.stores.push(this.access(s.buffer, s.index, scope));
          break;
        case "append":
          for (const { buffer } of s.values)
            if (this.states.has(buffer)) fail(this.kernel, `it appends to the state ${buffer}`);
          break;
        case "accumulator":
        case "assign":
          break;
        default:
          s satisfies never;
      }
    }
  }

  private expression(e: Expr, scope: Scope, seen: Set<Expr> = new Set()): void {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "load" && this.states.has(e.buffer))
      this.loads.push(this.access(e.buffer, e.index, scope));
    if (e.kind === "reduce") {
      this.expression(
        e.body,
        e.axes.reduce((outer, axis) => inside(axis, outer), scope),
        seen,
      );
    } else for (const child of children(e)) this.expression(child, scope, seen);
  }

  private access(buffer: string, index: Expr, scope: Scope): Access {
    const extents = new Map(scope.loops.map(({ name, extent }) => [name, extent]));
    // The variable of a loop that runs once is 0.
    const zeros = new Map(
      [...extents].flatMap(([name, extent]) => (extent === 1 ? [[name, int(0)] as const] : [])),
    );
    const whole = linearizeIndex(substitute(substitute(index, scope.definitions), zeros), extents);
    return {
      buffer,
      index: toAffine(whole),
      range: scope.context.rangeOf(whole),
      context: scope.context,
      loops: scope.loops,
      position: this.position,
    };
  }
}

/** The scope of a loop's body. */
function inside({ name, extent, inductions = [] }: LoopOf, { loops, context, definitions }: Scope): Scope {
  const iterations = typeof extent === "number" ? extent : extent.most;
  const own = new Map(definitions);
  for (const { name: pointer, init, step } of inductions)
    own.set(pointer, add(substitute(init, definitions), mul(variable(name), int(step))));
  return {
    loops: [...loops, { name, extent: iterations }],
    context: context.withName(name, { low: 0, high: Math.max(iterations - 1, 0) }),
    definitions: own,
  };
}

type LoopOf = Pick<Extract<Stmt, { kind: "for" }>, "name" | "extent" | "inductions">;

/** The loops that two accesses have in common: in each of their iterations both happen, in the order of the text. */
function commonLoops({ loops }: Access, other: Access): readonly Loop[] {
  const apart = loops.findIndex((loop, k) => loop !== other.loops[k]);
  return apart < 0 ? loops : loops.slice(0, apart);
}

/** Whether every iteration of `load` is over before the first of `store`. */
const isBefore = (load: Access, store: Access): boolean =>
  load.position < store.position && commonLoops(load, store).length === 0;

/**
 * Whether no iteration of one accesses an element that an iteration of the other does. Columns of a matrix are apart in
 * this sense: the rest of their distance modulo a row is never 0.
 */
function areApart(load: Access, store: Access): boolean {
  if (load.range.high < store.range.low || store.range.high < load.range.low) return true;
  const parts = [
    ...[...load.index.terms.values()].map((term) => ({ ...term, ...load.context.rangeOf(term.atom) })),
    ...[...store.index.terms.values()].map(({ atom, coefficient }) => ({
      coefficient: -coefficient,
      ...store.context.rangeOf(atom),
    })),
  ];
  return parts.some(({ coefficient }) => {
    const row = Math.abs(coefficient);
    const rest = parts.filter((part) => part.coefficient % row !== 0);
    const start = load.index.constant - store.index.constant;
    const low = rest.reduce((sum, { coefficient: c, low, high }) => sum + c * (c > 0 ? low : high), start);
    const high = rest.reduce((sum, { coefficient: c, low, high }) => sum + c * (c > 0 ? high : low), start);
    return Math.ceil(low / row) * row > high;
  });
}

/**
 * Whether `load` reads exactly the element that `store` stores
 * later in the same iteration, and no other iteration stores.
 */
function isInIteration(load: Access, store: Access): boolean {
  const { constant, terms } = addAffine(load.index, store.index, -1);
  if (constant !== 0 || terms.size > 0 || load.position >= store.position) return false;
  const extents = new Map(commonLoops(load, store).map(({ name, extent }) => [name, extent]));
  const digits = [...store.index.terms.values()].map(({ atom, coefficient }) =>
    digitOf(atom, coefficient, extents),
  );
  return digits.every((digit) => digit !== undefined) && tellIterationsApart(digits, extents);
}

/** Whether a sum of digits is a different number in every iteration of loops of these extents. */
function tellIterationsApart(digits: readonly Digit[], extents: Extents): boolean {
  const isWhole = ([name, extent]: readonly [string, number]): boolean => {
    const own = digits.filter((digit) => digit.name === name).sort((a, b) => a.unit - b.unit);
    return own.reduce((known, { unit, base }) => (unit === known ? unit * base : known), 1) >= extent;
  };
  if (![...extents].every(isWhole)) return false;
  // Each digit is worth more than all smaller ones together.
  const byWorth = digits
    .filter(({ base }) => base > 1)
    .map(({ coefficient, base }) => ({ worth: Math.abs(coefficient), base }))
    .sort((a, b) => a.worth - b.worth);
  let below = 0;
  for (const { worth, base } of byWorth) {
    if (worth <= below) return false;
    below += worth * (base - 1);
  }
  return true;
}
