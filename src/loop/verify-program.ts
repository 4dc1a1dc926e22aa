/**
 * Proves that a program is consistent: kernels use existing buffers,
 * bindings fit, and no two values alive together share bytes.
 */

import { InternalError } from "../core/errors.ts";
import { sameLayout } from "../core/layout.ts";
import { sameShape, sizeOf } from "../core/shape.ts";
import { likenessOf } from "./alike.ts";
import { type Move, movedBy, type ProgramLoop, usesOf } from "./loops.ts";
import { partsOf } from "./parts.ts";
import {
  ALIGNMENT,
  align,
  arenaBytesOf,
  keptFromRunToRun,
  type Placement,
  type ProgramPlan,
} from "./plan.ts";
import type { Binding, BufferRole, LoweredProgram, ProgramBuffer } from "./program.ts";
import type { BufferParam, Kernel } from "./types.ts";
import { verifyStates } from "./verify-states.ts";

/**
 * Throws an {@link InternalError} that names the kernel or the buffer. Single kernels are checked by `verifyKernel`.
 */
export function verifyProgram(program: LoweredProgram | ProgramPlan): void {
  const buffers = new Map(program.buffers.map((b) => [b.name, b]));
  if (buffers.size < program.buffers.length) fail("two buffers have one name");
  const names = program.kernels.flatMap(functionNames);
  if (new Set(names).size < names.length) fail("two kernels have one name");
  for (const kernel of program.kernels) verifyUse(kernel, buffers, program);
  for (const [k, loop] of (program.loops ?? []).entries()) verifyLoop(loop, k, program, buffers);
  verifyOrder(program, buffers);
  verifyPrepared(program, buffers);
  verifyStates(program);
  verifyBound("input", program.inputs, program.buffers);
  verifyBound("state", program.states, program.buffers);
  for (const output of program.outputs) verifyOutput(output, buffers);
  if ("placements" in program) verifyPlan(program, buffers);
}

function fail(message: string): never {
  throw new InternalError(message);
}

type Buffers = ReadonlyMap<string, ProgramBuffer>;

/** The names of a kernel's functions in code: one for each section, and one for the whole. */
const functionNames = (kernel: Kernel): string[] => [
  kernel.name,
  ...Array.from({ length: sectionsIn(kernel) }, (_, k) => `${kernel.name}_part${k}`),
];

/** How many sections a kernel has; a part without any is one of its whole. */
function sectionsIn(kernel: Kernel): number {
  const parts = partsOf(kernel);
  if (parts !== undefined) return parts.reduce((sum, part) => sum + Math.max(1, sectionsIn(part)), 0);
  const { body } = likenessOf(kernel)?.of ?? kernel;
  return body.filter(({ kind }) => kind === "section").length;
}

/** A kernel must declare the program's buffers and scalars as they are. */
function verifyUse(kernel: Kernel, buffers: Buffers, program: LoweredProgram): void {
  const fault = (why: string): never => fail(`kernel ${kernel.name}: ${why}`);
  for (const param of kernel.buffers) {
    const why = misfit(param, buffers.get(param.name));
    if (why !== undefined) fault(why);
  }
  const unknown = kernel.scalars.find((name) => !program.scalars.includes(name));
  if (unknown !== undefined) fault(`the program has no scalar ${unknown}`);
  const { threads = 1 } = program;
  if ((kernel.threads ?? 1) > threads) {
    fault(`its work is divided among ${kernel.threads} threads, and the program has ${threads}`);
  }
  // Parts become sections when their statements are assembled.
  if (partsOf(kernel) !== undefined) return;
  const { body } = likenessOf(kernel)?.of ?? kernel;
  const sections = sectionsIn(kernel);
  if (sections > 0 && sections < body.length) fault("it is made of sections or of none");
}

/** How a kernel's declaration of a buffer is wrong, if it is. */
function misfit(
  { name, dtype, length, access, private: isPrivate }: BufferParam,
  buffer: ProgramBuffer | undefined,
): string | undefined {
  if (buffer === undefined) return `the program has no buffer ${name}`;
  if (buffer.dtype !== dtype) return `${name} holds ${buffer.dtype}, not ${dtype}`;
  if (length > sizeOf(buffer.shape)) return `${name} has ${sizeOf(buffer.shape)} elements, not ${length}`;
  if (isPrivate !== buffer.private) return `${name} is private to threads in one of two places`;
  if (buffer.role === "input" && access !== "read") return `it writes the input ${name}`;
  return undefined;
}

/**
 * A loop is a range of kernels before the commit, nested in loops
 * or disjoint from them, and its moves stay inside buffers.
 */
function verifyLoop(loop: ProgramLoop, place: number, program: LoweredProgram, buffers: Buffers): void {
  const fault = (why: string): never => fail(`loop ${loop.name}: ${why}`);
  const { from, to, iterations, initial, before, after } = loop;
  if (!(from >= 0 && from < to && to <= program.commitFrom))
    fault("it is no range of kernels before the commit");
  for (const other of (program.loops ?? []).slice(0, place)) {
    const isBeside = other.to <= from || to <= other.from;
    const isWithin = other.from <= from && to <= other.to;
    if (!isBeside && !isWithin) fault(`it overlaps with ${other.name}`);
  }
  const verifyMove = ({ from, to, length, fromStride, toStride }: Move, places: number): void => {
    const [source, target] = [buffers.get(from), buffers.get(to)];
    if (source === undefined || target === undefined)
      fail(`loop ${loop.name}: it moves ${from} to ${to}, and one is no buffer`);
    if (source.dtype !== target.dtype) fault(`${from} and ${to} are of different types`);
    if (isGiven(target.role)) fault(`it writes the ${target.role} ${to}`);
    const ends: readonly (readonly [ProgramBuffer, number])[] = [
      [source, fromStride],
      [target, toStride],
    ];
    for (const [{ name, shape }, stride] of ends)
      if (places > 0 && (places - 1) * stride + length > sizeOf(shape))
        fault(`it moves ${length} elements in steps of ${stride}, and ${name} has ${sizeOf(shape)}`);
  };
  for (const move of initial) verifyMove(move, 1);
  for (const move of [...before, ...after]) verifyMove(move, iterations);
}

/** Values are written before they are read, and states only by the kernels that commit the step. */
function verifyOrder({ kernels, commitFrom, loops = [] }: LoweredProgram, buffers: Buffers): void {
  const written = new Set([...buffers.values()].flatMap(({ name, role }) => (isGiven(role) ? [name] : [])));
  const move = (moves: readonly Move[], loop: ProgramLoop): void => {
    for (const { from, to } of moves) {
      if (!written.has(from)) fail(`loop ${loop.name}: it moves ${from} before anything writes it`);
      written.add(to);
    }
  };
  kernels.forEach((kernel, k) => {
    for (const loop of loops) if (loop.from === k) move([...loop.initial, ...loop.before], loop);
    for (const { name, access } of kernel.buffers) {
      if (access === "read" && !written.has(name)) {
        fail(`kernel ${kernel.name}: it reads ${name} before any kernel writes it`);
      }
      if (access === "read") continue;
      if (k < commitFrom && buffers.get(name)?.role === "state") {
        fail(`kernel ${kernel.name}: it writes the state ${name} before the step commits`);
      }
      written.add(name);
    }
    for (const loop of [...loops].reverse()) if (loop.to === k + 1) move(loop.after, loop);
  });
}

/**
 * What is prepared is the same in every run until a state changes that it depends on: it depends on no input, no scalar
 * and no state that the program writes, and nothing else writes it.
 */
function verifyPrepared(program: LoweredProgram, buffers: Buffers): void {
  const { kernels, loops = [], preparedTo = 0, commitFrom } = program;
  if (!(preparedTo >= 0 && preparedTo <= commitFrom)) fail("kernels that prepare come before the commit");
  const isWritten = ({ access }: BufferParam): boolean => access !== "read";
  const namesOf = (params: readonly BufferParam[]): string[] => params.map(({ name }) => name);
  const prepared = new Set<string>();
  for (const { name, buffers: params, scalars } of kernels.slice(0, preparedTo)) {
    const fault = (why: string): never => fail(`kernel ${name}: it prepares and ${why}`);
    if (scalars.length > 0) fault(`reads the scalar ${scalars[0]}`);
    const strange = params.find(
      (b) => !isWritten(b) && !prepared.has(b.name) && buffers.get(b.name)?.role !== "state",
    );
    if (strange !== undefined) fault(`reads ${strange.name}, which is no state`);
    for (const written of namesOf(params.filter(isWritten))) prepared.add(written);
    for (const read of namesOf(params)) prepared.add(read);
  }
  const rest = kernels.slice(preparedTo);
  const writer = rest.find(({ buffers: params }) => params.some((b) => isWritten(b) && prepared.has(b.name)));
  if (writer !== undefined)
    fail(`kernel ${writer.name}: it writes what is prepared, or what that is made of`);
  for (const loop of loops) {
    if (loop.from < preparedTo) fail(`loop ${loop.name}: kernels that prepare are in no loop`);
    const move = movedBy(loop).find(({ to }) => prepared.has(to));
    if (move !== undefined) fail(`loop ${loop.name}: it moves to ${move.to}, which is prepared`);
  }
}

const isGiven = (role: BufferRole): boolean => role === "input" || role === "state";

/** Each buffer of this role has a name for its user, and the layout that this says. */
function verifyBound(role: BufferRole, bindings: readonly Binding[], all: readonly ProgramBuffer[]): void {
  const buffers = all.filter((b) => b.role === role);
  const isAlike = ({ buffer, dtype, shape, layout }: Binding, b: ProgramBuffer | undefined): boolean =>
    b !== undefined &&
    b.name === buffer &&
    b.dtype === dtype &&
    sameShape(b.shape, shape) &&
    (layout === undefined || b.layout === undefined ? layout === b.layout : sameLayout(layout, b.layout));
  const wrong = bindings.find((binding, k) => !isAlike(binding, buffers[k]));
  if (wrong !== undefined || bindings.length !== buffers.length) {
    fail(`the ${role} ${wrong?.name ?? buffers[bindings.length].name} has no buffer of its own`);
  }
  if (new Set(bindings.map(({ name }) => name)).size < bindings.length) fail(`two ${role}s have one name`);
}

function verifyOutput({ name, buffer, dtype, shape }: Binding, buffers: Buffers): void {
  const held = buffers.get(buffer);
  if (held === undefined) fail(`the output ${name} lies in ${buffer}, which is no buffer`);
  if (held.dtype !== dtype || sizeOf(held.shape) !== sizeOf(shape)) {
    fail(`the output ${name} is no view of ${buffer}: its type differs`);
  }
}

/** Each buffer except states has a place in the arena while it is alive, and shares it with none that is alive then. */
function verifyPlan(plan: ProgramPlan, buffers: Buffers): void {
  const { placements, kernels, arenaBytes } = plan;
  const places = new Map(placements.map((p) => [p.buffer, p]));
  for (const { name, role } of plan.buffers) {
    if ((role === "state") === places.has(name))
      fail(`${name} has ${role === "state" ? "a" : "no"} place in the arena`);
  }
  for (const p of placements) verifyPlace(p, buffers.get(p.buffer), plan);
  const results = new Set(plan.outputs.map(({ buffer }) => buffer));
  const live = (name: string, k: number, who: string): void => {
    const place = places.get(name);
    if (place === undefined || (place.first <= k && k <= place.last)) return;
    fail(`${name} is alive from ${place.first} to ${place.last}, and ${who} needs it at ${k}`);
  };
  for (const [name, { first, last }] of usesOf(plan))
    for (const k of [first, last]) live(name, k, needOf(name, kernels[k]));
  for (const name of results) live(name, kernels.length, "the result");
  for (const name of keptFromRunToRun(plan))
    for (const k of [-1, kernels.length]) live(name, k, "the next run");
  placements.forEach((a, k) => {
    for (const b of placements.slice(k + 1)) {
      if (
        meet(a.first, a.last, b.first, b.last) &&
        meet(a.byteOffset, endOf(a) - 1, b.byteOffset, endOf(b) - 1)
      ) {
        fail(`${a.buffer} and ${b.buffer} are alive together and share bytes`);
      }
    }
  });
  const needed = align(Math.max(0, ...placements.map(endOf)));
  if (arenaBytes !== needed) fail(`the arena has ${arenaBytes} bytes, and what lies in it takes ${needed}`);
}

/** What needs a buffer at the time of a kernel, in words. */
const needOf = (name: string, kernel: Kernel | undefined): string => {
  if (kernel === undefined) return "the input";
  return kernel.buffers.some((b) => b.name === name) ? `kernel ${kernel.name}` : "a loop";
};

const endOf = ({ byteOffset, byteLength }: Placement): number => byteOffset + byteLength;

/** Whether two ranges have a number in common, their ends included. */
const meet = (first: number, last: number, otherFirst: number, otherLast: number): boolean =>
  first <= otherLast && otherFirst <= last;

function verifyPlace(place: Placement, buffer: ProgramBuffer | undefined, plan: ProgramPlan): void {
  const { buffer: name, byteOffset, byteLength, first, last } = place;
  if (buffer === undefined) fail(`${name} has a place in the arena and is no buffer`);
  if (byteOffset % ALIGNMENT !== 0)
    fail(`${name} lies at ${byteOffset}, which is no multiple of ${ALIGNMENT}`);
  const needed = arenaBytesOf(buffer, plan);
  if (byteLength !== needed) fail(`${name} takes ${needed} bytes, not ${byteLength}`);
  const isRange = first >= -1 && first <= last && last <= plan.kernels.length;
  if (!isRange) fail(`${name} is alive from kernel ${first} to ${last} of ${plan.kernels.length}`);
}
