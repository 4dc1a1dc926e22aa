/** Checks whether kernels that were read from text suit a backend: code for one kind of machine is wrong on another. */

import type { Backend } from "../../backends/backend.ts";
import { WrittenElements } from "../../passes/scheduling/analysis/dependence.ts";
import { KilnError } from "../core/errors.ts";
import { type Affine, addAffine, toAffine } from "../loop/affine.ts";
import { add, int, mul, variable } from "../loop/build.ts";
import type { Capabilities } from "../loop/capabilities.ts";
import type { LoweredProgram } from "../loop/program.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../loop/types.ts";
import { ownExpressions, substitute, visitExpr, visitStatements } from "../loop/walk.ts";

type Loop = Extract<Stmt, { kind: "for" }>;

/** Throws a {@link KilnError} that names the kernel and what the backend lacks; `program` is the result of `stage`. */
export function requireFit(program: LoweredProgram, stage: string, { name, capabilities }: Backend): void {
  for (const kernel of program.kernels) {
    const why =
      stage === "lower" ? unschedulable(kernel) : misfit(kernel, stage, name, capabilities, program);
    if (why !== undefined) throw new KilnError(`kernel ${kernel.name} ${why}`, kernel.origins);
  }
  const { threads = 1 } = program;
  if (threads > capabilities.threads) {
    throw new KilnError(
      `the program runs on ${threads} threads, and ${name} has ${capabilities.threads} here`,
    );
  }
}

/** Why strategies cannot schedule a kernel: they take nests of grid loops around stores. */
function unschedulable({ body }: Kernel): string | undefined {
  const isNest = (statements: readonly Stmt[]): boolean => {
    const [first] = statements;
    if (first?.kind !== "for") return statements.every(({ kind }) => kind === "let" || kind === "store");
    return (
      statements.length === 1 &&
      first.loop === "grid" &&
      typeof first.extent === "number" &&
      isNest(first.body)
    );
  };
  const parts = body.map((s) => (s.kind === "section" ? s.body : undefined));
  const isFit = parts.includes(undefined) ? isNest(body) : parts.every((part) => isNest(part ?? []));
  return isFit
    ? undefined
    : "is still to be scheduled, and then holds grid loops around let and stores alone";
}

/** What a scheduled kernel needs that a backend lacks. */
function misfit(
  kernel: Kernel,
  stage: string,
  backend: string,
  capabilities: Capabilities,
  program: LoweredProgram,
): string | undefined {
  const { vectorWidth, fewerLanes = [], threads, schedules, oneElementPerThread } = capabilities;
  const loops = loopsOf(kernel.body);
  const isOpen = ["schedule", "order", "share-panels", "prepare"].includes(stage);
  if (!isOpen && (schedules || oneElementPerThread) && hasReduction(kernel)) {
    return `still holds a reduction, and ${backend} runs only loops: continue from lower`;
  }
  const known: readonly unknown[] = [vectorWidth, ...fewerLanes.map((fewer) => fewer.vectorWidth)];
  const lanes = loops.find(({ loop, extent }) => loop === "vector" && !known.includes(extent))?.extent;
  if (lanes !== undefined) {
    const has = vectorWidth === 1 ? "one number at a time" : `${vectorWidth}`;
    return `computes ${typeof lanes === "number" ? lanes : "several"} numbers at once, and ${backend} computes ${has}: continue from lower`;
  }
  if (oneElementPerThread) {
    const isMapped = ["parallelize", "join-kernels", "plan-memory"].includes(stage);
    return misfitPerElement(kernel, isMapped, backend, capabilities, program);
  }
  if (!loops.some(({ loop }) => loop === "thread")) return undefined;
  const wanted = kernel.threads ?? 1;
  if (wanted === 1) return `computes one element per thread, and ${backend} runs loops: continue from lower`;
  if (wanted > threads) {
    return `divides its work among ${wanted} threads, and ${backend} has ${threads === 1 ? "one" : threads} here: continue from lower`;
  }
  const parts = kernel.body.map((s) => (s.kind === "section" ? s.body : undefined));
  const bodies = parts.includes(undefined) ? [kernel.body] : parts.map((part) => part ?? []);
  return bodies.every((body) => isDivisible(kernel, body))
    ? undefined
    : "has a thread loop whose iterations may access one element, or next to which there is work for one thread";
}

/** Whether the iterations of the thread loop, if there is one, do all the work and are proved to be independent. */
function isDivisible(kernel: Kernel, body: readonly Stmt[]): boolean {
  const divided = loopsOf(body).filter(({ loop }) => loop === "thread");
  if (divided.length === 0) return true;
  const [{ name, extent }] = divided;
  const holdsAll = (statements: readonly Stmt[]): boolean => {
    const work = statements.filter(({ kind }) => kind !== "let");
    const [loop] = work;
    return work.length === 1 && loop.kind === "for" && (loop === divided[0] || holdsAll(loop.body));
  };
  return (
    divided.length === 1 &&
    typeof extent === "number" &&
    holdsAll(body) &&
    new WrittenElements(kernel, body).areDisjointAlong(name, extent)
  );
}

/**
 * If each thread computes one element: grid loops around the kernel's one store, in the order of its elements, and once
 * these are mapped to threads a loop over threads that ends in that store.
 */
function misfitPerElement(
  { body, buffers }: Kernel,
  isMapped: boolean,
  backend: string,
  { maxInputs, inPlace }: Capabilities,
  program: LoweredProgram,
): string | undefined {
  const [thread] = body;
  const stored = buffers.filter(({ access }) => access !== "read");
  if (stored.length !== 1) {
    return `stores ${stored.length} buffers, and ${backend} stores one with each kernel: continue from lower`;
  }
  const [output] = stored;
  const read = buffers.filter(({ access }) => access !== "write").length;
  if (read > maxInputs) return `reads ${read} buffers, and ${backend} can bind ${maxInputs}`;
  const isState = program.states.some(({ buffer }) => buffer === output.name);
  if (output.access !== "write" && !isState && !inPlace) {
    return `reads ${output.name}, which it writes, and ${backend} cannot`;
  }
  if (!isMapped) {
    return isGrid(body, output)
      ? undefined
      : `is not a nest of grid loops around one store in the order of its elements, and ${backend} computes one element per thread: continue from lower`;
  }
  const isOfThreads =
    body.length === 1 && thread.kind === "for" && thread.loop === "thread" && thread.extent === output.length;
  return isOfThreads && isThreadBody(thread, output.name)
    ? undefined
    : `is not a loop over threads that ends in one store, and ${backend} computes one element per thread: continue from lower`;
}

function isThreadBody({ name, body }: Loop, output: string): boolean {
  const last = body.at(-1);
  const hasPointers = loopsOf(body).some(({ inductions }) => inductions !== undefined);
  return (
    last?.kind === "store" &&
    last.buffer === output &&
    last.index.kind === "var" &&
    last.index.name === name &&
    !hasPointers &&
    storesNothing(body.slice(0, -1))
  );
}

const storesNothing = (statements: readonly Stmt[]): boolean =>
  statements.every((s) => {
    if (s.kind === "if") return storesNothing(s.body);
    if (s.kind === "for") return typeof s.extent === "number" && storesNothing(s.body);
    return s.kind === "let" || s.kind === "accumulator" || s.kind === "assign";
  });

/**
 * Whether a body is grid loops, each the last statement of the
 * one around it, and ends in a store at the index they count.
 */
function isGrid(body: readonly Stmt[], { name, length }: BufferParam): boolean {
  const definitions = new Map<string, Expr>();
  let place: Expr = int(0);
  let elements = 1;
  for (let level = body; ; ) {
    const last = level.at(-1);
    if (last === undefined || !storesNothing(level.slice(0, -1))) return false;
    for (const s of level) if (s.kind === "let") definitions.set(s.name, substitute(s.value, definitions));
    if (last.kind === "store") {
      const distance = addAffine(toAffine(substitute(last.index, definitions)), toAffine(place), -1);
      return last.buffer === name && elements === length && isZero(distance);
    }
    if (last.kind !== "for" || last.loop !== "grid" || typeof last.extent !== "number") return false;
    for (const { name: pointer, init, step } of last.inductions ?? [])
      definitions.set(pointer, add(substitute(init, definitions), mul(variable(last.name), int(step))));
    place = add(mul(place, int(last.extent)), variable(last.name));
    elements *= last.extent;
    level = last.body;
  }
}

const isZero = ({ constant, terms }: Affine): boolean => constant === 0 && terms.size === 0;

function loopsOf(body: readonly Stmt[]): Loop[] {
  const loops: Loop[] = [];
  visitStatements(body, (s) => {
    if (s.kind === "for") loops.push(s);
  });
  return loops;
}

function hasReduction({ body }: Kernel): boolean {
  let found = false;
  visitStatements(body, (s) => {
    for (const own of ownExpressions(s)) {
      visitExpr(own, (e) => {
        found ||= e.kind === "reduce";
      });
    }
  });
  return found;
}
