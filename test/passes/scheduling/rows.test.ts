/** Rows and their statistics: what serves a whole row is computed once for it, in lanes whatever its length, and stays what it was. */

import { describe, expect, test } from "vitest";
import { fuse } from "../../../passes/fusion/fuse.ts";
import { lower } from "../../../passes/lowering/lower.ts";
import { apply } from "../../../passes/scheduling/apply.ts";
import { rows } from "../../../passes/scheduling/plans/rows.ts";
import { schedule, withScheduled } from "../../../passes/scheduling/schedule.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import type { LoweredProgram } from "../../../src/loop/program.ts";
import { printSchedule } from "../../../src/loop/schedule.ts";
import type { Expr, Stmt } from "../../../src/loop/types.ts";
import { verifyKernel } from "../../../src/loop/verify.ts";
import { nested, ownExpressions, visitExpr } from "../../../src/loop/walk.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { generator } from "../../support/draw.ts";
import { interpretProgram } from "../../support/interpret-program.ts";
import { generated } from "../../support/stages.ts";
import { LANES } from "../../support/strategies.ts";

const lowered = (text: string): LoweredProgram => lower.run(fuse(LANES).run(parseGraph(text, opTable)));

const softmaxOf = (shape: string, axis: number): string => `graph net(%x: f32[${shape}]) {
  %0: f32[${shape}] = softmax(%x) {axis=${axis}}
  return y=%0
}`;

const standardized = (shape: string): string => `graph net(%x: f32[${shape}]) {
  %0: f32[${shape}] = standardize(%x) {first=1, eps=0.00001}
  return y=%0
}`;

/** The schedules of `program`'s only kernel by this strategy, each held against the kernel as it was lowered. */
function checked(program: LoweredProgram): readonly string[] {
  const [kernel] = program.kernels;
  expect(program.kernels.length).toBe(1);
  const random = generator(1);
  const [{ shape }] = program.inputs;
  const x = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
    Math.fround(4 * random() - 2),
  );
  const before = interpretProgram(program, { x });
  return rows.candidates(kernel, LANES).map((candidate) => {
    const made = apply(kernel, candidate.schedule);
    made.kernels.forEach(verifyKernel);
    const { y } = interpretProgram(withScheduled(program, [made]), { x });
    // Sums in another order, of exponentials that wait as float32: a few times 2⁻²⁴ of numbers up to 3.
    expect(Math.max(...y.map((value, k) => Math.abs(value - before.y[k])))).toBeLessThan(2e-6);
    return printSchedule(candidate.schedule);
  });
}

describe.each([8, 9, 12, 15, 17, 31, 64, 65])("rows of %i", (extent) => {
  test("side by side in memory share lanes", () => {
    expect(checked(lowered(softmaxOf(`3,${extent}`, 1)))).toEqual([
      expect.stringMatching(/^flatten; statistics by 4x4; vectorize i1 by 1x4 shifted$/),
    ]);
    checked(lowered(standardized(`3,${extent}`)));
  });

  test("across memory have a lane each", () => {
    expect(checked(lowered(softmaxOf(`2,${extent},11`, 1)))).toEqual([
      expect.stringMatching(/^flatten; vectorize i2 by \dx4 shifted; reorder i0 i2 lane i1$/),
    ]);
  });
});

/** How often exponentials are computed in all iterations, lanes counted one by one. */
function exponentials(body: readonly Stmt[]): number {
  return body.reduce((sum, s) => {
    let own = 0;
    for (const e of ownExpressions(s))
      visitExpr(e, (part: Expr) => {
        if (part.kind === "unary" && part.op === "exp") own++;
      });
    const times = s.kind === "for" && typeof s.extent === "number" ? s.extent : 1;
    return sum + own + times * exponentials(nested(s));
  }, 0);
}

test("softmax computes the exponential of each element once, cross-entropy's gradient twice at most", () => {
  const made = (text: string): readonly Stmt[] => generated(LANES, lowered(text)).flatMap(({ body }) => body);
  expect(exponentials(made(softmaxOf("3,64", 1)))).toBe(3 * 64);
  const gradient = `graph net(%x: f32[2,65,16], %t: f32[2,1,16]) {
  %0: f32[2,65,16] = log_softmax(%x) {axis=1}
  %1: f32[2,65,16] = exp(%0)
  %2: f32[2,65,16] = mul(%1, %t)
  return y=%2
}`;
  expect(exponentials(made(gradient))).toBe(2 * 2 * 65 * 16);
});

test("a product whose rows are summed is a kernel of its own, which tiles can run", () => {
  const text = `graph net(%q: f32[2,16,8], %k: f32[2,8,16], %p: f32[2,16,16]) {
  %0: f32[2,16,16] = matmul(%q, %k) {transposeA=false, transposeB=false}
  %1: f32[2,16,16] = mul(%0, %p)
  %2: f32[2,16,1] = sum(%1) {axes=[2], keepdim=true}
  %3: f32[2,16,16] = sub(%0, %2)
  %4: f32[2,16,16] = mul(%p, %3)
  return y=%4
}`;
  const program = schedule(LANES).run(lowered(text));
  expect(program.kernels.map((k) => [k.name, printSchedule(k.schedule ?? []).includes("vectorize")])).toEqual(
    [
      ["matmul", true],
      ["mul_sum_sub", true],
    ],
  );
});

test("a row's op is stored where a reduction goes across its rows, and computed inside of one along them", () => {
  const summedOver = (axis: number): readonly string[] =>
    lowered(`graph net(%x: f32[16,12], %g: f32[16,12]) {
  %0: f32[16,12] = standardize(%x) {first=1, eps=0.00001}
  %1: f32[16,12] = mul(%0, %g)
  %2: f32[${axis === 0 ? 12 : 16}] = sum(%1) {axes=[${axis}], keepdim=false}
  return y=%2
}`).kernels.map(({ name }) => name);
  expect(summedOver(0)).toEqual(["standardize", "mul_sum"]);
  expect(summedOver(1)).toEqual(["standardize_mul_sum"]);
});
