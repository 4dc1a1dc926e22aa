/** Kernels change places where less is alive at once then, and every buffer still sees who touches it in the same order. */

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { orderKernels } from "../../../passes/codegen/order-kernels.ts";
import { iterationsOf } from "../../../src/loop/loops.ts";
import type { ProgramPlan } from "../../../src/loop/plan.ts";
import type { BufferRole, LoweredProgram } from "../../../src/loop/program.ts";
import { verifyProgram } from "../../../src/loop/verify-program.ts";
import { Conv2d, CrossEntropyLoss, Flatten, Linear, ReLU, Sequential } from "../../../src/nn/index.ts";
import { SGD } from "../../../src/optim/index.ts";
import { traceLoss } from "../../../src/trace/trace.ts";
import { stagesOf } from "../../support/stages.ts";
import { namesOf, peakOf, programOf, type Sizes, type Touches } from "../../support/touching-kernels.ts";

test("what stores more than it sets free waits, and what sets more free does not", () => {
  const sizes: Sizes = {
    ...{ x: ["input", 8], a: ["intermediate", 8], b: ["intermediate", 8], c: ["intermediate", 8] },
    ...{ large: ["intermediate", 100], small: ["intermediate", 1], w: ["state", 100], v: ["state", 1] },
  };
  const program = programOf(
    sizes,
    [
      ["forward", ["x"], ["a"]],
      ["large_grad", ["a"], ["large"]],
      ["back", ["a"], ["b"]],
      ["back_2", ["b"], ["c"]],
      ["small_grad", ["b", "c"], ["small"]],
      ["update", ["large", "small"], ["w", "v"]],
    ],
    { commitFrom: 5 },
  );
  const ordered = orderKernels.run(program);
  expect(namesOf(ordered)).toBe("forward back back_2 small_grad large_grad update");
  expect([peakOf(program), peakOf(ordered)]).toEqual([4 * 117, 4 * 109]);
  // Here nothing is won: the order stays as it was.
  expect(orderKernels.run(ordered)).toBe(ordered);
});

test("kernels of a loop, and those that hand each other scratch, keep together", () => {
  const sizes: Sizes = {
    ...{ x: ["input", 4], a: ["intermediate", 4], panel: ["scratch", 50], large: ["output", 100] },
    ...{ carried: ["intermediate", 4], made: ["intermediate", 4], b: ["intermediate", 90], y: ["output", 1] },
  };
  const move = { length: 4, fromStride: 0, toStride: 0 };
  const loop = {
    ...{ name: "loop", from: 3, to: 5, iterations: 3, descending: false },
    initial: [{ ...move, from: "a", to: "carried" }],
    ...{ before: [], after: [{ ...move, from: "made", to: "carried" }] },
  };
  const program = programOf(
    sizes,
    [
      ["first", ["x"], ["a"]],
      ["pack", ["a"], ["panel"]],
      ["large", ["panel"], ["large"]],
      ["grow", ["carried"], ["b"]],
      ["shrink", ["b"], ["made"]],
      ["last", ["carried"], ["y"]],
    ],
    { loops: [loop] },
  );
  verifyProgram(program);
  const ordered = orderKernels.run(program);
  verifyProgram(ordered);
  expect(namesOf(ordered)).toBe("first grow shrink last pack large");
  expect(ordered.loops).toEqual([{ ...loop, from: 1, to: 3 }]);
  expect(ordered.kernels.map((_, k) => iterationsOf(ordered, k))).toEqual([1, 3, 3, 1, 1, 1]);
});

test("whatever the program, values are read by the same kernels, no more is alive, and nothing runs twice", () => {
  const buffer = fc.integer({ min: 0, max: 11 });
  const kernel = fc.record({ reads: fc.array(buffer, { maxLength: 3 }), writes: buffer });
  const inputs = fc.record({
    sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 12, maxLength: 12 }),
    kernels: fc.array(kernel, { minLength: 2, maxLength: 24 }),
  });
  let moved = 0;
  fc.assert(
    fc.property(inputs, ({ sizes, kernels }) => {
      const roles: readonly BufferRole[] = [..."iioosssssss"].map((c) =>
        c === "i" ? "input" : c === "o" ? "output" : "intermediate",
      );
      const named = Object.fromEntries(
        sizes.map((size, k) => [`b${k}`, [roles[k] ?? "scratch", size] as const]),
      );
      const written = new Set(["b0", "b1"]);
      const touches = kernels.map(({ reads, writes }, k): Touches => {
        const known = [...new Set(reads.map((b) => `b${b}`))].filter((b) => written.has(b));
        const target = `b${Math.max(2, writes)}`;
        written.add(target);
        return [`k${k}`, known, [target]];
      });
      const program = programOf(named, touches);
      const ordered = orderKernels.run(program);
      if (ordered !== program) moved++;
      expect(new Set(ordered.kernels)).toEqual(new Set(program.kernels));
      expect(peakOf(ordered)).toBeLessThanOrEqual(peakOf(program));
      // Whose values each kernel reads: those that the last one before it wrote there.
      const sources = ({ kernels: all }: LoweredProgram): ReadonlyMap<string, readonly string[]> => {
        const writers = new Map<string, string>();
        const found = new Map<string, string[]>();
        for (const { name, buffers } of all) {
          const reads = buffers.filter((b) => b.access !== "write");
          found.set(
            name,
            reads.map((b) => `${b.name} of ${writers.get(b.name)}`),
          );
          for (const b of buffers) if (b.access !== "read") writers.set(b.name, name);
        }
        return found.set(
          "results",
          ["b2", "b3"].map((b) => `${writers.get(b)}`),
        );
      };
      expect(sources(ordered)).toEqual(sources(program));
    }),
    { numRuns: 200, seed: 16 },
  );
  expect(moved).toBeGreaterThan(20);
});

test("large weights' gradients wait until the images' activations are free", () => {
  const model = new Sequential(
    new Conv2d(3, 16, 3, { padding: 1 }),
    new ReLU(),
    new Conv2d(16, 16, 3, { padding: 1, stride: 4 }),
    new ReLU(),
    new Flatten(),
    new Linear(16 * 8 * 8, 512),
    new ReLU(),
    new Linear(512, 10),
  );
  const types = [{ dtype: "float32", shape: [16, 3, 32, 32] }] as const;
  const trace = traceLoss(model, new CrossEntropyLoss(), types);
  const groups = new SGD(model.parameters(), { lr: 0.1 }).paramGroups.map(({ rule }) => ({ rule }));
  const { artifacts } = stagesOf({ trace, update: { groups } });
  const programs = ["schedule", "order"].map((stage) => artifacts.get(stage) as LoweredProgram);
  // 1 MB of activations and as much of their gradients; 2 MB of gradients of the linear layer.
  expect(peakOf(programs[0])).toBeGreaterThan(4.2e6);
  expect(peakOf(programs[1])).toBeLessThan(3.3e6);
  const plan = artifacts.get("plan-memory") as ProgramPlan;
  expect(plan.arenaBytes).toBeLessThan(3.5e6);
});
