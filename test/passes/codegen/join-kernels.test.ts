/** Kernels become one where threads need not meet between them, and nothing runs before what it needs. */

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createWasmBackend } from "../../../backends/wasm/backend.ts";
import { joinKernels } from "../../../passes/codegen/join-kernels.ts";
import { parseProgram } from "../../../src/loop/parse.ts";
import { partNames, partsOf } from "../../../src/loop/parts.ts";
import { lifetimesOf, mostAlive } from "../../../src/loop/plan.ts";
import { type LoweredProgram, type ProgramBuffer, printProgram } from "../../../src/loop/program.ts";
import type { BufferParam, Kernel } from "../../../src/loop/types.ts";
import { verifyKernels } from "../../../src/loop/verify.ts";
import { verifyProgram } from "../../../src/loop/verify-program.ts";
import { cifar10Training, stagesOf } from "../../support/stages.ts";

const pass = joinKernels(createWasmBackend({ threads: 2 }).capabilities);

type Access = BufferParam["access"];
const lengthIn = (sizes: Readonly<Record<string, number>>, name: string): number =>
  sizes[name] ?? (name === "y" ? 100 : 4);

/**
 * Kernels by what they read and write: `b u p > v`. One that is `alone` runs on one thread, and one that `packs` fills
 * scratch for others. Buffers that begin with p are scratch, x is the input and y the result; `sizes` are in floats.
 */
function programOf(texts: readonly string[], sizes: Readonly<Record<string, number>> = {}) {
  const kernels = texts.map((text): Kernel => {
    const [name, ...words] = text.split(/ +/);
    const [end, isPack] = [words.indexOf(">"), words.includes("packs")];
    const param = (name: string, access: Access): BufferParam => ({
      ...{ name, dtype: "float32", length: lengthIn(sizes, name), access },
    });
    return {
      ...{ name, ops: [name], scalars: [], body: [], origins: [] },
      buffers: [
        ...words.slice(0, end).map((b) => param(b, "read")),
        ...words.slice(end + 1, end + 2).map((b) => param(b, "write")),
      ],
      ...(!words.includes("alone") && { threads: 2 }),
      ...(!isPack && { estimate: 100, estimatedGflops: 1 }),
      nominalFlops: isPack ? 0 : 100,
    };
  });
  const names = [...new Set(kernels.flatMap(({ buffers }) => buffers.map(({ name }) => name)))];
  const roleOf = (name: string): ProgramBuffer["role"] =>
    name === "x" ? "input" : name === "y" ? "output" : name.startsWith("p") ? "scratch" : "intermediate";
  const buffers = names.map((name): ProgramBuffer => {
    return { name, role: roleOf(name), dtype: "float32", shape: [lengthIn(sizes, name)], value: "" };
  });
  const bound = (role: ProgramBuffer["role"]) =>
    buffers
      .filter((b) => b.role === role)
      .map(({ name, shape }) => ({ name, buffer: name, dtype: "float32" as const, shape }));
  return {
    ...{ name: "test", kernels, buffers, scalars: [], commitFrom: kernels.length, threads: 2 },
    ...{ inputs: bound("input"), outputs: bound("output"), states: [] },
  } satisfies LoweredProgram;
}

const namesIn = (program: LoweredProgram): string[] =>
  pass.run(program).kernels.map((kernel) => partNames(kernel).join("+"));
const joined = (...texts: readonly string[]): string[] => namesIn(programOf(texts));

const peakOf = (program: LoweredProgram): number => mostAlive(lifetimesOf(program), program.kernels.length);

test("kernels that need nothing of each other become one, and those that do stay two", () => {
  expect(joined("a x > u", "b x > v", "c u v > y")).toEqual(["a+b", "c"]);
  // What is written while another kernel reads it, or writes it, needs that one to have ended, too.
  expect(joined("a x > u", "b u > v", "c x > u", "d u v > y")).toEqual(["a", "b", "c", "d"]);
});

test("what one thread runs is joined even with what it needs, in its order", () => {
  expect(joined("a x > u alone", "b u > v alone", "c x > w", "d v w > y")).toEqual(["a+b+c", "d"]);
});

test("what packs stands beside what runs before its reader, or several beside each other", () => {
  const texts = ["a x > u", "b u > v", "pack_x x > p0 packs", "pack_v v > p1 packs", "pack_v2 v > p2 packs"];
  expect(joined(...texts, "c p0 p1 p2 > w", "pack_u u > p3 packs", "d w p3 > y")).toEqual([
    ...["a", "b+pack_x", "pack_v+pack_v2", "c+pack_u", "d"],
  ]);
  // Its reader comes behind what it packs, even where one thread runs both of these.
  expect(joined("a x > u", "b u > v alone", "pack v > p alone packs", "c p > w", "d w > y")).toEqual([
    ...["a", "b+pack", "c", "d"],
  ]);
});

test("no more is alive than before", () => {
  const pack = ["a x > u", "pack x > p packs", "b u p > v", "c v > y"];
  // While b runs u, p and v are alive; while the two run that are joined, x, u and p.
  expect(namesIn(programOf(pack, { x: 1, u: 100, v: 1, p: 10, y: 1 }))).toEqual(["a+pack", "b", "c"]);
  const late = ["a x > u", "b u > v", "c x > w", "d v w > y"];
  expect(namesIn(programOf(late, { u: 100, w: 90, y: 1 }))).toEqual(["a", "b", "c", "d"]);
  expect(namesIn(programOf(late, { u: 100, y: 104 }))).toEqual(["a", "b+c", "d"]);
});

test("loops and the commit begin with kernels of their own, and there is nothing to join for one thread", () => {
  const program = programOf(["a x > u", "b x > v", "c x > w", "d u v w > y"]);
  expect(namesIn({ ...program, commitFrom: 1 })).toEqual(["a", "b+c", "d"]);
  const range = { from: 1, to: 3, iterations: 2, descending: false };
  const loop = { name: "l", ...range, initial: [], before: [], after: [] };
  const inLoop = pass.run({ ...program, loops: [loop] });
  expect(inLoop.kernels.map(({ name }) => name)).toEqual(["a", "b_and_c", "d"]);
  expect(inLoop.loops).toEqual([{ ...loop, from: 1, to: 2 }]);
  const { threads: _, ...alone } = program;
  expect(pass.run(alone)).toBe(alone);
});

test("whatever the kernels, each runs after all it needs, and as much memory is enough", () => {
  const places = fc.integer({ min: 0, max: 11 });
  const kernel = fc.record({
    reads: fc.uniqueArray(places, { maxLength: 3 }),
    writes: places,
    kind: fc.constantFrom("", " alone", " packs", " packs alone"),
    size: fc.integer({ min: 1, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(kernel, { minLength: 2, maxLength: 24 }), (all) => {
      const sizes: Record<string, number> = {};
      const texts = all.map(({ reads, writes, kind, size }, k) => {
        const to = kind.includes("packs") ? `p${k}` : `b${writes}`;
        sizes[to] ??= size;
        const from = reads.map((r) => (r < k && all[r].kind.includes("packs") ? `p${r}` : `b${r}`));
        return `k${k} ${from.filter((name) => name !== to).join(" ")} > ${to}${kind}`;
      });
      const program = programOf(texts, sizes);
      const result = pass.run(program);
      expect(peakOf(result)).toBeLessThanOrEqual(peakOf(program));
      const at = new Map(
        result.kernels.flatMap((k, n) => partNames(k).map((name, m) => [name, [n, m]] as const)),
      );
      expect(at.size).toBe(texts.length);
      program.kernels.forEach((a, i) => {
        for (const b of program.kernels.slice(i + 1)) {
          const touches = ({ buffers }: Kernel, name: string, access?: Access): boolean =>
            buffers.some((other) => other.name === name && (access ?? other.access) === other.access);
          const meet =
            a.buffers.some(({ name, access }) => access === "write" && touches(b, name)) ||
            a.buffers.some(({ name }) => touches(b, name, "write"));
          if (!meet) continue;
          const [[groupA, placeA], [groupB, placeB]] = [at.get(a.name)!, at.get(b.name)!];
          const areAlone = a.threads === undefined && b.threads === undefined;
          const follows = areAlone && groupA === groupB && placeA < placeB;
          expect(groupA < groupB || follows, `${a.name} before ${b.name}`).toBe(true);
        }
      });
    }),
    { numRuns: 200, seed: 1 },
  );
});

describe("a training step for three threads", () => {
  const { programs } = stagesOf(cifar10Training(8), createWasmBackend({ threads: 3 }), {
    divideAlways: true,
  });
  const after = new Map(programs);
  const before = after.get("parallelize")!;
  const program = after.get("join-kernels")!;

  test("has fewer kernels, which name their parts and stand for all they do", () => {
    expect(program.kernels.length).toBeLessThan(before.kernels.length);
    const total = (of: (kernel: Kernel) => number, { kernels }: LoweredProgram): number =>
      kernels.reduce((sum, kernel) => sum + of(kernel), 0);
    for (const of of [(k: Kernel) => k.nominalFlops, (k: Kernel) => k.estimate ?? 0])
      expect(total(of, program)).toBe(total(of, before));
    expect(program.kernels.flatMap(partNames).sort()).toEqual(before.kernels.map(({ name }) => name).sort());
    for (const kernel of program.kernels.filter((k) => partsOf(k) !== undefined)) {
      const parts = partsOf(kernel)!;
      expect(kernel.body.length).toBeGreaterThanOrEqual(parts.length);
      for (const { origins } of parts) expect(kernel.origins).toEqual(expect.arrayContaining([...origins]));
    }
  });

  test("reads back, is proved as a whole, and is left as it is", () => {
    const back = parseProgram(printProgram(program));
    expect(printProgram(back)).toBe(printProgram(program));
    verifyKernels(back.kernels);
    verifyProgram(back);
    expect(pass.run(back)).toBe(back);
  });
});
