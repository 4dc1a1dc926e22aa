/**
 * Lowers a loop of the graph: the kernels of its body become a range of the program's kernels that runs again and again,
 * between moves that bring each iteration its elements and pass its values on to the next.
 */

import { sizeOf } from "../../src/core/shape.ts";
import { RESULT, resultIndex } from "../../src/ir/body.ts";
import type { Arrangement, Graph, Group, Input, Node, Value } from "../../src/ir/types.ts";
import type { Move, ProgramLoop } from "../../src/loop/loops.ts";
import type { ProgramBuffer } from "../../src/loop/program.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { loopOf } from "../../src/ops/loop.ts";
import { baseOf } from "./commit.ts";

/** What all graphs of a program, including bodies, are lowered into. */
export interface ProgramParts {
  readonly buffers: ProgramBuffer[];
  readonly kernels: Kernel[];
  /** A loop comes before those within it. */
  readonly loops: ProgramLoop[];
}

/** A graph while it is lowered into a program. */
export interface GraphScope {
  readonly parts: ProgramParts;
  /** The scalar of the program that a value is: it has no memory. */
  scalarOf(value: Value): Input | undefined;
  /** The buffer of a stored value, through views. */
  bufferOf(value: Value): ProgramBuffer;
  /** The buffer of a stored node; `undefined` if it is not stored. */
  storedIn(node: Node): ProgramBuffer | undefined;
  /** How a value is laid out in memory, if not row-major. */
  arrangementOf(value: Value): Arrangement | undefined;
  /** Gives a value its buffer. */
  declare(value: Value, role: ProgramBuffer["role"], wish: string): ProgramBuffer;
  /** Has a kernel store a copy of `value` in row-major order, and returns its buffer. */
  copied(value: Value): ProgramBuffer;
  /** The body of a loop as a graph of the same program; `text` is the loop as this graph prints it. */
  scopeOf(body: Graph, loop: string, text: string, layouts: readonly Arrangement[]): BodyScope;
}

export interface BodyScope extends GraphScope {
  /** Binds a value of this graph to a buffer of another, or to a scalar of the program. */
  bind(value: Input, to: ProgramBuffer | Input): void;
  /** Adds the kernels of its groups. */
  lowerGroups(): void;
}

/** Adds a loop, whose results `group` stores, to the program. */
export function lowerLoop(outer: GraphScope, group: Group, name: string, text: string): void {
  const [node] = group.nodes;
  const { body, carried, stacked, iterations, descending } = loopOf(node.attrs);
  const resultAt = (k: number): Node | undefined =>
    group.stores.find((store) => (store === node || store.op === RESULT) && resultIndex(store) === k);
  const { parts } = outer;
  const isShared = (k: number): boolean => k >= carried + stacked;

  // Moves go element by element, so a view in another order has to be copied.
  const operands = node.inputs.map((value, k): ProgramBuffer | Input => {
    const scalar = outer.scalarOf(value);
    if (scalar !== undefined) return isShared(k) ? scalar : outer.copied(value);
    const isArranged = outer.arrangementOf(baseOf(value)) !== undefined;
    return isArranged && !(isShared(k) && baseOf(value) === value)
      ? outer.copied(value)
      : outer.bufferOf(value);
  });
  const layouts = body.inputs.flatMap((input, k): Arrangement[] => {
    const arranged = isShared(k) ? outer.arrangementOf(node.inputs[k]) : undefined;
    return arranged === undefined ? [] : [{ value: input, layout: arranged.layout }];
  });

  const inner = outer.scopeOf(body, name, text, layouts);
  const initial: Move[] = [];
  const before: Move[] = [];
  const after: Move[] = [];
  body.inputs.forEach((input, k) => {
    const operand = operands[k];
    if (isShared(k) || operand === undefined || "kind" in operand) {
      inner.bind(input, operand);
      return;
    }
    const result = k < carried ? resultAt(k) : undefined;
    const own =
      (result && outer.storedIn(result)) ?? inner.declare(input, "intermediate", `${name}_${input.name}`);
    if (result !== undefined) inner.bind(input, own);
    const length = sizeOf(input.type.shape);
    const move = { from: operand.name, to: own.name, length, toStride: 0 };
    if (k < carried) initial.push({ ...move, fromStride: 0 });
    else before.push({ ...move, fromStride: length });
  });

  const place = parts.loops.length;
  const from = parts.kernels.length;
  parts.loops.push({ name, from, to: from, iterations, descending, initial, before, after });
  inner.lowerGroups();
  const carries: Move[] = [];
  body.outputs.forEach(({ value }, k) => {
    const length = sizeOf(value.type.shape);
    if (k < carried) {
      if (value === body.inputs[k]) return;
      // A value that is carried on as another one must not be overwritten before.
      const source = baseOf(value).kind === "input" ? inner.copied(value) : inner.bufferOf(value);
      const to = inner.bufferOf(body.inputs[k]).name;
      carries.push({ from: source.name, to, length, fromStride: 0, toStride: 0 });
      return;
    }
    const result = resultAt(k);
    const stack = result && outer.storedIn(result);
    if (stack !== undefined) {
      const source = isInOrder(inner, value) ? inner.bufferOf(value) : inner.copied(value);
      after.push({ from: source.name, to: stack.name, length, fromStride: 0, toStride: length });
    }
  });
  after.push(...carries);
  // A loop that only moves values gets a kernel, too, which marks its place among the others.
  if (parts.kernels.length === from) inner.copied(body.outputs[0].value);
  parts.loops[place] = { ...parts.loops[place], to: parts.kernels.length };
}

/** Whether a value of a body is in memory in row-major order. */
const isInOrder = (scope: GraphScope, value: Value): boolean =>
  scope.scalarOf(value) === undefined && scope.arrangementOf(baseOf(value)) === undefined;
