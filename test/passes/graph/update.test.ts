/** What becomes of gradients: groups of parameters, clipping and accumulation, text in and text out. */

import { expect, test } from "vitest";
import { accumulatedGradients, accumulateGradients } from "../../../passes/graph/accumulate-gradients.ts";
import { trainingStep } from "../../../passes/graph/training-step.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import { printGraph } from "../../../src/ir/print.ts";
import type { GradientClip } from "../../../src/ir/update.ts";
import { Parameter } from "../../../src/nn/parameter.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { SGD } from "../../../src/optim/sgd.ts";
import { ones } from "../../../src/tensor/creation.ts";

/** A step with two parameters and a buffer that the forward pass updates. */
const TEXT = `graph g(%x: f32[2]) params(@w: f32[2], @b: f32[], @mean: f32[2]) {
  %0: f32[2] = mul(%x, @w)   at a.ts:7 fc
  %1: f32[2] = add(%0, @b)   at a.ts:8 fc
  return loss=%1, grad.w=%0, grad.b=@b
  update @mean = %0
}`;
const graph = parseGraph(TEXT, opTable);

const [first, second] = new SGD([
  { params: [new Parameter(ones(2))] },
  { params: [new Parameter(ones(1))], momentum: 0.9 },
]).paramGroups;
const groups = [
  { rule: first.rule, parameters: ["w"] },
  { rule: second.rule, parameters: ["b"] },
];
const stepWith = (clip: GradientClip) =>
  printGraph(trainingStep({ groups: [{ rule: first.rule }], clip }).run(graph));

test("each group has a rule and scalars of its own, and updates that are there already stay", () => {
  expect(printGraph(trainingStep({ groups }).run(graph))).toMatchInlineSnapshot(`
    "graph g(%x: f32[2]) params(@w: f32[2], @b: f32[], @mean: f32[2], @sgd.b.momentum_buffer: f32[]) scalars($lr: f32[], $lr_1: f32[]) {
      %0: f32[2] = mul(%x, @w)                               at a.ts:7 fc
      %1: f32[2] = add(%0, @b)                               at a.ts:8 fc
      %2: f32[2] = mul(%0, $lr)                              at a.ts:7 fc
      %3: f32[2] = sub(@w, %2)                               at a.ts:7 fc
      %4: f32[] = constant() {value=0.9, dtype="float32"}    at a.ts:8 fc
      %5: f32[] = mul(@sgd.b.momentum_buffer, %4)            at a.ts:8 fc
      %6: f32[] = add(%5, @b)                                at a.ts:8 fc
      %7: f32[] = flush(%6) {least=1.1754943508222875e-38}   at a.ts:8 fc
      %8: f32[] = mul(%7, $lr_1)                             at a.ts:8 fc
      %9: f32[] = sub(@b, %8)                                at a.ts:8 fc
      return loss=%1
      update @mean = %0
      update @w = %3
      update @b = %9
      update @sgd.b.momentum_buffer = %7
    }"
  `);
});

test("gradients are scaled down to a norm that all of them have together", () => {
  expect(stepWith({ kind: "norm", maxNorm: 0.5, normType: 2 })).toMatchInlineSnapshot(`
    "graph g(%x: f32[2]) params(@w: f32[2], @b: f32[], @mean: f32[2]) scalars($lr: f32[]) {
      %0: f32[2] = mul(%x, @w)                                   at a.ts:7 fc
      %1: f32[2] = add(%0, @b)                                   at a.ts:8 fc
      %2: f32[2] = mul(%0, %0)                                   at a.ts:7 fc
      %3: f32[] = sum(%2) {axes=[0], keepdim=false}              at a.ts:7 fc
      %4: f32[] = mul(@b, @b)                                    at a.ts:8 fc
      %5: f32[] = add(%3, %4)
      %6: f32[] = sqrt(%5)
      %7: f32[] = constant() {value=0.5, dtype="float32"}
      %8: f32[] = constant() {value=0.000001, dtype="float32"}
      %9: f32[] = add(%6, %8)
      %10: f32[] = div(%7, %9)
      %11: f32[] = constant() {value=1, dtype="float32"}
      %12: f32[] = minimum(%10, %11)
      %13: f32[2] = mul(%0, %12)                                 at a.ts:7 fc
      %14: f32[] = mul(@b, %12)                                  at a.ts:8 fc
      %15: f32[2] = mul(%13, $lr)                                at a.ts:7 fc
      %16: f32[2] = sub(@w, %15)                                 at a.ts:7 fc
      %17: f32[] = mul(%14, $lr)                                 at a.ts:8 fc
      %18: f32[] = sub(@b, %17)                                  at a.ts:8 fc
      return loss=%1
      update @mean = %0
      update @w = %16
      update @b = %18
    }"
  `);
});

test("the infinite norm is the largest element, and other norms take roots", () => {
  expect(stepWith({ kind: "norm", maxNorm: 1, normType: Number.POSITIVE_INFINITY })).toMatch(
    /max\(%\d+\) \{axes=\[0\], keepdim=false\}/,
  );
  expect(stepWith({ kind: "norm", maxNorm: 1, normType: 1 })).not.toMatch(/pow|sqrt/);
  expect(stepWith({ kind: "norm", maxNorm: 1, normType: 3 }).match(/pow\(/g)).toHaveLength(3);
});

test("gradients are clamped by value", () => {
  expect(stepWith({ kind: "value", maxValue: 0.5 })).toMatchInlineSnapshot(`
    "graph g(%x: f32[2]) params(@w: f32[2], @b: f32[], @mean: f32[2]) scalars($lr: f32[]) {
      %0: f32[2] = mul(%x, @w)                               at a.ts:7 fc
      %1: f32[2] = add(%0, @b)                               at a.ts:8 fc
      %2: f32[] = constant() {value=-0.5, dtype="float32"}   at a.ts:7 fc, a.ts:8 fc
      %3: f32[2] = maximum(%0, %2)                           at a.ts:7 fc
      %4: f32[] = constant() {value=0.5, dtype="float32"}    at a.ts:7 fc, a.ts:8 fc
      %5: f32[2] = minimum(%3, %4)                           at a.ts:7 fc
      %6: f32[] = maximum(@b, %2)                            at a.ts:8 fc
      %7: f32[] = minimum(%6, %4)                            at a.ts:8 fc
      %8: f32[2] = mul(%5, $lr)                              at a.ts:7 fc
      %9: f32[2] = sub(@w, %8)                               at a.ts:7 fc
      %10: f32[] = mul(%7, $lr)                              at a.ts:8 fc
      %11: f32[] = sub(@b, %10)                              at a.ts:8 fc
      return loss=%1
      update @mean = %0
      update @w = %9
      update @b = %11
    }"
  `);
});

test("gradients are added to sums instead of being used", () => {
  expect(printGraph(accumulateGradients.run(graph))).toMatchInlineSnapshot(`
    "graph g(%x: f32[2]) params(@w: f32[2], @b: f32[], @mean: f32[2], @accumulated.w: f32[2], @accumulated.b: f32[]) {
      %0: f32[2] = mul(%x, @w)               at a.ts:7 fc
      %1: f32[2] = add(%0, @b)               at a.ts:8 fc
      %2: f32[2] = add(@accumulated.w, %0)   at a.ts:7 fc
      %3: f32[] = add(@accumulated.b, @b)    at a.ts:8 fc
      return loss=%1
      update @mean = %0
      update @accumulated.w = %2
      update @accumulated.b = %3
    }"
  `);
});

test("the update from sums sets them back to zero and belongs to the model's lines", () => {
  const { graph: sums, origins } = accumulatedGradients(graph, ["w", "b"]);
  expect(printGraph(sums)).toMatchInlineSnapshot(`
    "graph g_update() params(@w: f32[2], @b: f32[], @accumulated.w: f32[2], @accumulated.b: f32[]) {
      %0: f32[] = constant() {value=0, dtype="float32"}
      %1: f32[2] = broadcast_to(%0) {shape=[2]}
      return grad.w=@accumulated.w, grad.b=@accumulated.b
      update @accumulated.w = %1
      update @accumulated.b = %0
    }"
  `);
  expect(printGraph(trainingStep({ groups, origins }).run(sums))).toMatchInlineSnapshot(`
    "graph g_update() params(@w: f32[2], @b: f32[], @accumulated.w: f32[2], @accumulated.b: f32[], @sgd.b.momentum_buffer: f32[]) scalars($lr: f32[], $lr_1: f32[]) {
      %0: f32[] = constant() {value=0, dtype="float32"}
      %1: f32[2] = broadcast_to(%0) {shape=[2]}
      %2: f32[2] = mul(@accumulated.w, $lr)                  at a.ts:7 fc
      %3: f32[2] = sub(@w, %2)                               at a.ts:7 fc
      %4: f32[] = constant() {value=0.9, dtype="float32"}    at a.ts:8 fc
      %5: f32[] = mul(@sgd.b.momentum_buffer, %4)            at a.ts:8 fc
      %6: f32[] = add(%5, @accumulated.b)                    at a.ts:8 fc
      %7: f32[] = flush(%6) {least=1.1754943508222875e-38}   at a.ts:8 fc
      %8: f32[] = mul(%7, $lr_1)                             at a.ts:8 fc
      %9: f32[] = sub(@b, %8)                                at a.ts:8 fc
      return
      update @accumulated.w = %1
      update @accumulated.b = %0
      update @w = %3
      update @b = %9
      update @sgd.b.momentum_buffer = %7
    }"
  `);
});
