/**
 * Transformations that change one nest of loops at a time, whatever it computes, and the kernel built from the nests.
 */

import { add, int, variable } from "../../../src/loop/build.ts";
import { joinDigitsInLoads, linearizeIndex } from "../../../src/loop/linearize-index.ts";
import type { ProgramBuffer } from "../../../src/loop/program.ts";
import { RangeContext } from "../../../src/loop/range.ts";
import type { Schedule, Step, VectorSplit } from "../../../src/loop/schedule.ts";
import { simplify } from "../../../src/loop/simplify.ts";
import type { Kernel, Stmt } from "../../../src/loop/types.ts";
import { substitute } from "../../../src/loop/walk.ts";
import { joinLoops } from "../analysis/join-loops.ts";
import { type Lanes, laneLoop, lanePartsOf } from "../analysis/lanes.ts";
import { type GridLoop, mapStores, type Nest, nestsOf, statementsOf } from "../analysis/nest.ts";
import { cleared } from "./copies.ts";
import { unrollWindows, windowAxesOf } from "./window.ts";

/** Kernels that replace one, and the scratch buffers between them. */
export interface Scheduled {
  readonly kernels: readonly Kernel[];
  readonly scratch: readonly ProgramBuffer[];
}

/** The kernel with every nest transformed by the steps of a schedule that depend on nothing else. */
export const onNests = (kernel: Kernel, schedule: Schedule): Kernel => ({
  ...kernel,
  body: bodyOf(nestsAfter(kernel, schedule)),
  schedule,
});

/** The nests of a kernel, transformed in this way. */
export function nestsAfter(kernel: Kernel, schedule: Schedule): readonly Nest[] {
  let sections = nestsOf(kernel).map((nest): readonly Nest[] => [nest]);
  for (const step of schedule) {
    sections = sections.map((nests, section) => nests.flatMap((nest) => inNest(nest, step, section)));
  }
  return sections.flat();
}

/** The same for one step, with windows and divisions by a window's size written out. */
function inNest(nest: Nest, step: Step, section: number): readonly Nest[] {
  if (step.kind === "unroll-window") return [unrollWindows(nest, windowAxesOf(nest))];
  const nests = transformed(nest, step, section);
  return step.kind === "unroll" ? nests.map(settled) : nests;
}

/** The nest with quotients and remainders simplified as its loops allow. */
function settled(nest: Nest): Nest {
  const context = nest.loops.reduce((c, { name, extent }) => c.withLoop(name, extent), new RangeContext());
  return mapStores(nest, (e) => simplify(e, context));
}

/** The result of a step on one nest; a step about a loop that the nest does not have leaves it unchanged. */
export function transformed(nest: Nest, step: Step, section = 0): readonly Nest[] {
  switch (step.kind) {
    case "flatten":
      return [flattened(nest)];
    case "clear":
      return cleared(nest, step.lanes);
    case "reorder":
      return [reordered(nest, step.loops)];
    case "unroll":
      return inVectors(nest, { loop: step.loop, vectors: step.by, lanes: 1, tail: "peeled" });
    case "vectorize":
      return (step.section ?? section) === section ? inVectors(nest, step) : [nest];
    default:
      return [nest];
  }
}

/** The statements of nests, each in a section of its own if there are several. */
export function bodyOf(nests: readonly Nest[]): readonly Stmt[] {
  if (nests.length === 1) return statementsOf(nests[0]);
  return nests.map((nest) => ({ kind: "section", name: nest.name, body: statementsOf(nest) }));
}

/** The nest with split flat indices recombined, and loops that step together joined. */
export function flattened(nest: Nest): Nest {
  const extents = new Map(nest.loops.map((l) => [l.name, l.extent]));
  const rewrite = joinDigitsInLoads(extents);
  const stores = nest.stores.map((s) => ({
    ...s,
    index: linearizeIndex(s.index, extents),
    value: rewrite(s.value),
  }));
  return joinLoops({ ...nest, stores });
}

/** The loops in the order of their names; those that are not named stay after them. */
function reordered(nest: Nest, names: readonly string[]): Nest {
  const named = names.flatMap((name) => nest.loops.filter((l) => l.name === name));
  return { ...nest, loops: [...named, ...nest.loops.filter(({ name }) => !names.includes(name))] };
}

/**
 * The loop cut into vectors, whose lanes are the innermost loop: a nest for whole tiles of vectors, and for each kind
 * of remainder. Vectors of one lane are adjacent iterations.
 */
function inVectors(nest: Nest, { loop, vectors, lanes: width, tail }: VectorSplit): Nest[] {
  const extent = nest.loops.find(({ name }) => name === loop)?.extent;
  if (extent === undefined) return [nest];
  const rest = tail === "peeled" ? extent % width : 0;
  const lanes: Lanes = { loop, extent: extent - rest, width, vectors, padded: tail === "padded" };
  const over = (iterations: number): GridLoop[] =>
    nest.loops.flatMap((l) => {
      if (l.name !== loop) return [l];
      return iterations === 1 ? [] : [{ name: loop, extent: iterations }];
    });
  const whole = lanePartsOf(lanes).map(
    (part): Nest => ({
      ...nest,
      loops: [...over(part.iterations), ...laneLoop(width)],
      stores: part.vectors.flatMap((vector) => mapStores(nest, (e) => substitute(e, vector)).stores),
    }),
  );
  if (rest === 0) return whole;
  const shifted = new Map([[loop, add(variable(loop), int(lanes.extent))]]);
  const loops = nest.loops.map((l) => (l.name === loop ? { name: loop, extent: rest } : l));
  return [...whole, { ...mapStores(nest, (e) => substitute(e, shifted)), loops }];
}
