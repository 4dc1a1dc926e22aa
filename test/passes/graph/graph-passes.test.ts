/** What each pass over graphs promises: text in, text out. */

import { expect, test } from "vitest";
import type { Backend } from "../../../backends/backend.ts";
import { interpret } from "../../../backends/interpret/backend.ts";
import { js } from "../../../backends/js/backend.ts";
import { fuse } from "../../../passes/fusion/fuse.ts";
import { autodiff } from "../../../passes/graph/autodiff.ts";
import { canonicalize } from "../../../passes/graph/canonicalize.ts";
import { cse } from "../../../passes/graph/cse.ts";
import { dce } from "../../../passes/graph/dce.ts";
import { layout } from "../../../passes/graph/layout.ts";
import { partition } from "../../../passes/graph/partition.ts";
import { simplify } from "../../../passes/graph/simplify.ts";
import { trainingStep } from "../../../passes/graph/training-step.ts";
import type { Pass } from "../../../passes/pass.ts";
import { nn, optim, tensor } from "../../../src/index.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import { printGraph } from "../../../src/ir/print.ts";
import type { Graph } from "../../../src/ir/types.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { lenetForward, lenetTraining, stagesOf } from "../../support/stages.ts";

/** The text after `passes`, run one after another on the graph that `text` spells. */
function after(text: string, ...passes: readonly Pass<Graph, Graph>[]): string {
  return printGraph(passes.reduce((graph, pass) => pass.run(graph), parseGraph(text, opTable)));
}

test("canonicalize puts constants on the right and sorts attributes", () => {
  const text = `graph g(%x: f32[2,6]) {
  %0: f32[] = constant() {value=2, dtype="float32"}
  %1: f32[2,6] = mul(%0, %x)
  %2: f32[3,4] = reshape(%1) {shape=[3,-1]}
  return y=%2
}`;
  expect(after(text, canonicalize)).toMatchInlineSnapshot(`
    "graph g(%x: f32[2,6]) {
      %0: f32[] = constant() {dtype="float32", value=2}
      %1: f32[2,6] = mul(%x, %0)
      %2: f32[3,4] = reshape(%1) {shape=[3,4]}
      return y=%2
    }"
  `);
});

test("autodiff walks backwards, sums what was broadcast and adds up what meets", () => {
  const text = `graph g(%x: f32[4,3]) params(@w: f32[3], @b: f32[]) {
  %0: f32[4,3] = mul(%x, @w)   at a.ts:1 fc
  %1: f32[4,3] = add(%0, @b)   at a.ts:2
  %2: f32[4,3] = mul(%1, @w)   at a.ts:3
  %3: f32[] = mean(%2) {axes=[0,1], keepdim=false}   at a.ts:4
  return loss=%3
}`;
  expect(after(text, autodiff(["w", "b"]))).toMatchInlineSnapshot(`
    "graph g(%x: f32[4,3]) params(@w: f32[3], @b: f32[]) {
      %0: f32[4,3] = mul(%x, @w)                                            at a.ts:1 fc
      %1: f32[4,3] = add(%0, @b)                                            at a.ts:2
      %2: f32[4,3] = mul(%1, @w)                                            at a.ts:3
      %3: f32[] = mean(%2) {axes=[0,1], keepdim=false}                      at a.ts:4
      %4: f32[] = constant() {value=1, dtype="float32"}                     at a.ts:4
      %5: f32[1,1] = reshape(%4) {shape=[1,1]}                              at a.ts:4
      %6: f32[4,3] = broadcast_to(%5) {shape=[4,3]}                         at a.ts:4
      %7: f32[] = constant() {value=0.08333333333333333, dtype="float32"}   at a.ts:4
      %8: f32[4,3] = mul(%6, %7)                                            at a.ts:4
      %9: f32[4,3] = mul(%8, @w)                                            at a.ts:3
      %10: f32[4,3] = mul(%8, %1)                                           at a.ts:3
      %11: f32[3] = sum(%10) {axes=[0], keepdim=false}                      at a.ts:3
      %12: f32[] = sum(%9) {axes=[0,1], keepdim=false}                      at a.ts:2
      %13: f32[4,3] = mul(%9, @w)                                           at a.ts:1 fc
      %14: f32[4,3] = mul(%9, %x)                                           at a.ts:1 fc
      %15: f32[3] = sum(%14) {axes=[0], keepdim=false}                      at a.ts:1 fc
      %16: f32[3] = add(%11, %15)                                           at a.ts:1 fc
      return loss=%3, grad.w=%16, grad.b=%12
    }"
  `);
});

test("autodiff leaves out what the loss does not depend on, and refuses a loss that is no number", () => {
  const text = `graph g(%x: f32[2]) params(@w: f32[2], @unused: f32[2]) {
  %0: f32[2] = mul(%x, @w)   at a.ts:7 fc
  %1: f32[] = sum(%0) {axes=[0], keepdim=false}
  return loss=%1
}`;
  expect(after(text, autodiff(["w", "unused"]))).not.toContain("grad.unused");
  const vector = text.replace("loss=%1", "loss=%0");
  expect(() => after(vector, autodiff(["w"]))).toThrow(
    "the loss must be a single float32 number but is float32[2]: reduce it with mean or sum (a.ts:7 fc)",
  );
});

test("training-step writes parameters and optimizer states as updates", () => {
  const text = `graph g(%x: f32[2]) params(@w: f32[2]) {
  %0: f32[2] = mul(%x, @w)   at a.ts:7 fc
  return loss=%0, grad.w=%0
}`;
  const { paramGroups } = new optim.SGD([new nn.Parameter(tensor([1, 2]))], {
    lr: 0.1,
    momentum: 0.9,
    nesterov: true,
  });
  expect(after(text, trainingStep({ groups: [{ rule: paramGroups[0].rule }] }))).toMatchInlineSnapshot(`
    "graph g(%x: f32[2]) params(@w: f32[2], @sgd.w.momentum_buffer: f32[2]) scalars($lr: f32[]) {
      %0: f32[2] = mul(%x, @w)                                at a.ts:7 fc
      %1: f32[] = constant() {value=0.9, dtype="float32"}     at a.ts:7 fc
      %2: f32[2] = mul(@sgd.w.momentum_buffer, %1)            at a.ts:7 fc
      %3: f32[2] = add(%2, %0)                                at a.ts:7 fc
      %4: f32[2] = flush(%3) {least=1.1754943508222875e-38}   at a.ts:7 fc
      %5: f32[2] = mul(%4, %1)                                at a.ts:7 fc
      %6: f32[2] = add(%0, %5)                                at a.ts:7 fc
      %7: f32[2] = mul(%6, $lr)                               at a.ts:7 fc
      %8: f32[2] = sub(@w, %7)                                at a.ts:7 fc
      return loss=%0
      update @w = %8
      update @sgd.w.momentum_buffer = %4
    }"
  `);
});

test("simplify moves relu's gradient behind max-pooling and sums through it", () => {
  const pool = "kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false";
  const text = `graph g(%x: f32[1,2,4,4], %ct: f32[1,2,2,2]) {
  %0: f32[1,2,4,4] = relu(%x)
  %1: (f32[1,2,2,2], u8[1,2,2,2], i32[1,2,2,2]) = max_pool2d(%0) {${pool}}
  %2: u8[1,2,2,2] = result_of(%1) {index=1}
  %3: f32[1,2,4,4] = max_pool2d_grad(%ct, %2) {${pool}, inputSize=[4,4]}
  %4: f32[1,2,4,4] = relu_grad(%3, %0)
  %5: f32[2] = sum(%4) {axes=[0,2,3], keepdim=false}
  return y=%1, dx=%4, db=%5
}`;
  expect(after(text, simplify, dce)).toMatchInlineSnapshot(`
    "graph g(%x: f32[1,2,4,4], %ct: f32[1,2,2,2]) {
      %0: f32[1,2,4,4] = relu(%x)
      %1: (f32[1,2,2,2], u8[1,2,2,2], i32[1,2,2,2]) = max_pool2d(%0) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false}
      %2: u8[1,2,2,2] = result_of(%1) {index=1}
      %3: f32[1,2,2,2] = relu_grad(%ct, %1)
      %4: f32[1,2,4,4] = max_pool2d_grad(%3, %2) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false, inputSize=[4,4]}
      %5: f32[2] = sum(%3) {axes=[0,2,3], keepdim=false}
      return y=%1, dx=%4, db=%5
    }"
  `);
});

test("simplify folds constants, drops identities and reshapes, absorbs broadcasts, sinks reshapes", () => {
  const text = `graph g(%x: f32[2,3], %w: f32[3,4], %y: f32[8]) {
  %0: f32[] = constant() {value=2, dtype="float32"}
  %1: f32[] = constant() {value=0.5, dtype="float32"}
  %2: f32[] = mul(%0, %1)
  %3: f32[2,3] = mul(%x, %2)
  %4: f32[2,3] = neg(%3)
  %5: f32[2,3] = neg(%4)
  %6: f32[6] = reshape(%5) {shape=[6]}
  %7: f32[2,3] = reshape(%6) {shape=[2,3]}
  %8: f32[2,3] = broadcast_to(%0) {shape=[2,3]}
  %9: f32[2,3] = add(%7, %8)
  %10: f32[2,4] = matmul(%9, %w) {transposeA=false, transposeB=false}
  %11: f32[8] = reshape(%10) {shape=[8]}
  %12: f32[8] = relu(%y)
  %13: f32[8] = relu_grad(%11, %12)
  return out=%13
}`;
  expect(after(text, simplify, dce)).toMatchInlineSnapshot(`
    "graph g(%x: f32[2,3], %w: f32[3,4], %y: f32[8]) {
      %0: f32[] = constant() {value=2, dtype="float32"}
      %1: f32[2,3] = add(%x, %0)
      %2: f32[2,4] = matmul(%1, %w) {transposeA=false, transposeB=false}
      %3: f32[8] = relu(%y)
      %4: f32[2,4] = reshape(%3) {shape=[2,4]}
      %5: f32[2,4] = relu_grad(%2, %4)
      %6: f32[8] = reshape(%5) {shape=[8]}
      return out=%6
    }"
  `);
});

test("cse merges what differs in the order of operands alone; dce keeps updates and drops the rest", () => {
  const text = `graph g(%x: f32[2], %y: f32[2]) params(@s: f32[2]) {
  %0: f32[2] = add(%x, %y)
  %1: f32[2] = add(%y, %x)
  %2: f32[2] = sub(%x, %y)
  %3: f32[2] = mul(%0, %1)
  %4: f32[2] = exp(%2)
  return out=%3
  update @s = %0
}`;
  expect(after(text, cse, dce)).toMatchInlineSnapshot(`
    "graph g(%x: f32[2], %y: f32[2]) params(@s: f32[2]) {
      %0: f32[2] = add(%x, %y)
      %1: f32[2] = mul(%0, %0)
      return out=%1
      update @s = %0
    }"
  `);
});

const stageOf = (source: ReturnType<typeof lenetForward>, pass: string, backend: Backend = js): Graph =>
  new Map(stagesOf(source, backend).graphs).get(pass)!;

const groupsOf = (graph: Graph): string[] =>
  (graph.groups ?? []).map(
    (g) => `${g.name}: ${g.nodes.map((n) => n.op).join(" ")} -> ${g.stores.map((n) => n.op).join(" ")}`,
  );

test("LeNet's forward pass is five kernels, two of them with pooling", () => {
  const graph = stageOf(lenetForward(4), "fuse");
  expect(graph.groups!.map((g) => g.name)).toEqual([
    "conv2d_relu_max_pool2d",
    "conv2d_relu_max_pool2d",
    "linear_relu",
    "linear_relu",
    "linear",
  ]);
});

test("LeNet's training step fuses winners, epilogues, softmax with its loss, sparse gradients and all updates", () => {
  const groups = groupsOf(stageOf(lenetTraining(4, { lr: 0.1 }), "fuse"));
  expect(groups).toMatchInlineSnapshot(`
    [
      "conv2d_relu_max_pool2d: conv2d relu max_pool2d result_of -> max_pool2d result_of",
      "conv2d_relu_max_pool2d: conv2d relu max_pool2d result_of -> max_pool2d result_of",
      "linear_relu: linear relu -> relu",
      "linear_relu: linear relu -> relu",
      "linear: linear -> linear",
      "log_softmax_nll_loss: log_softmax nll_loss -> nll_loss",
      "compare_cast_sum: constant compare cast sum -> sum",
      "log_softmax_one_hot_compare_div_neg_and_more: log_softmax constant one_hot constant compare div neg where sum exp mul sub -> sub",
      "matmul: matmul -> matmul",
      "sum: sum -> sum",
      "matmul_relu_grad: matmul relu_grad -> relu_grad",
      "matmul: matmul -> matmul",
      "sum: sum -> sum",
      "matmul_relu_grad: matmul relu_grad -> relu_grad",
      "matmul: matmul -> matmul",
      "sum: sum -> sum",
      "matmul_relu_grad: matmul relu_grad -> relu_grad",
      "max_pool2d_grad_conv2d_weight_grad: max_pool2d_grad conv2d_weight_grad -> conv2d_weight_grad",
      "sum: sum -> sum",
      "max_pool2d_grad_conv2d_input_grad_relu_grad: max_pool2d_grad conv2d_input_grad relu_grad -> relu_grad",
      "max_pool2d_grad_conv2d_weight_grad: max_pool2d_grad conv2d_weight_grad -> conv2d_weight_grad",
      "sum: sum -> sum",
      "update: mul sub mul sub mul sub mul sub mul sub mul sub mul sub mul sub mul sub mul sub -> sub sub sub sub sub sub sub sub sub sub",
    ]
  `);
});

test("a backend that does not schedule gets max-pool's gradient as a kernel of its own", () => {
  const names = groupsOf(stageOf(lenetTraining(4, { lr: 0.1 }), "fuse", interpret));
  expect(names.filter((name) => name.startsWith("max_pool2d_grad:"))).toHaveLength(2);
});

test("a backend with few outputs gets the updates in several kernels and the winner in its own", () => {
  const narrow = { ...js, capabilities: { ...js.capabilities, maxOutputs: 1 } };
  const graph = stageOf(lenetTraining(4, { lr: 0.1 }), "fuse", narrow);
  expect(graph.groups!.every((g) => g.stores.length === 1)).toBe(true);
  expect(graph.groups!.filter((g) => g.name === "update")).toHaveLength(10);
});

test("partition keeps activations and winners and recomputes log_softmax", () => {
  const graph = stageOf(lenetTraining(4), "partition");
  const { kept, recomputed } = graph.partition!;
  // The last linear layer's result is what log_softmax is computed from again.
  const activations = ["max_pool2d", "reshape", "relu", "relu", "linear"];
  expect(kept.map((n) => n.op)).toEqual([...activations, "result_of", "result_of"]);
  expect(recomputed.map((n) => n.op)).toEqual(["log_softmax"]);
});

test("elementwise chains and their reductions are one kernel; a value used twice is computed once", () => {
  const text = `graph g(%x: f32[4,5], %y: f32[4,5]) {
  %0: f32[4,5] = add(%x, %y)
  %1: f32[4,5] = exp(%0)
  %2: f32[4,5] = mul(%0, %1)
  %3: f32[4,1] = sum(%2) {axes=[1], keepdim=true}
  %4: f32[4,5] = div(%2, %3)
  return out=%4
}`;
  expect(groupsOf(fuse(js.capabilities).run(parseGraph(text, opTable)))).toEqual([
    "add_exp_mul_sum_div: add exp mul sum div -> div",
  ]);
});

test.each([
  ["read once", ""],
  ["which are computed again where they are read", "keep\n    recompute %0\n    "],
])(
  "normalized rows that a product is added to are a kernel of their own, so that it runs in tiles: %s",
  (_, partition) => {
    const text = `graph g(%x: f32[8,4], %y: f32[8,4], %w: f32[4,4]) {
    %0: f32[8,4] = standardize(%x) {eps=0.00001, first=1}
    %1: f32[8,4] = matmul(%y, %w) {transposeA=false, transposeB=false}
    %2: f32[8,4] = add(%0, %1)
    ${partition}return output=%2
  }`;
    expect(groupsOf(fuse(js.capabilities).run(parseGraph(text, opTable)))).toEqual([
      "standardize: standardize -> standardize",
      "matmul_add: matmul add -> add",
    ]);
  },
);

test("layout turns reshapes into views of what they read, through chains", () => {
  const text = `graph g(%x: f32[2,3]) {
  %0: f32[2,3] = relu(%x)
  %1: f32[6] = reshape(%0) {shape=[6]}
  %2: f32[3,2] = reshape(%1) {shape=[3,2]}
  return a=%1, b=%2
}`;
  const graph = [partition, fuse(js.capabilities), layout(js.capabilities)].reduce(
    (g, pass) => pass.run(g),
    parseGraph(text, opTable),
  );
  expect(
    printGraph(graph)
      .split("\n")
      .filter((line) => line.includes("view")),
  ).toEqual(["  view %1 of %0", "  view %2 of %0"]);
});

test("what comes back through slices side by side is one concatenation, whatever is added between them", () => {
  const text = `graph g(%a: f32[2,2], %b: f32[1,2], %c: f32[2,2], %d: f32[5,2]) {
  %0: f32[5,2] = slice_grad(%c) {starts=[3,0], stops=[5,2], steps=[1,1], shape=[5,2]}
  %1: f32[5,2] = slice_grad(%a) {starts=[0,0], stops=[2,2], steps=[1,1], shape=[5,2]}
  %2: f32[5,2] = add(%0, %d)
  %3: f32[5,2] = add(%2, %1)
  %4: f32[5,2] = slice_grad(%b) {starts=[2,0], stops=[3,2], steps=[1,1], shape=[5,2]}
  %5: f32[5,2] = add(%4, %3)
  return y=%5
}`;
  expect(after(text, simplify, dce)).toMatchInlineSnapshot(`
    "graph g(%a: f32[2,2], %b: f32[1,2], %c: f32[2,2], %d: f32[5,2]) {
      %0: f32[5,2] = cat(%a, %b, %c) {axis=0}
      %1: f32[5,2] = add(%0, %d)
      return y=%1
    }"
  `);
});

test("heads that are permuted and merged are joined before that, and equal rows are joined as rows", () => {
  const text = `graph g(%q: f32[2,2,3,4], %k: f32[2,2,3,4], %v: f32[2,1,3,4], %r: f32[2,3]) {
  %0: f32[2,3,2,4] = permute(%q) {dims=[0,2,1,3]}
  %1: f32[2,3,8] = reshape(%0) {shape=[2,3,8]}
  %2: f32[2,3,2,4] = permute(%k) {dims=[0,2,1,3]}
  %3: f32[2,3,8] = reshape(%2) {shape=[2,3,8]}
  %4: f32[2,3,16] = cat(%1, %3) {axis=2}
  %5: f32[2,3,1,4] = permute(%v) {dims=[0,2,1,3]}
  %6: f32[2,3,4] = reshape(%5) {shape=[2,3,4]}
  %7: f32[2,3,20] = cat(%4, %6) {axis=2}
  %8: f32[2,6] = cat(%r, %r) {axis=1}
  %9: f32[2,9] = cat(%8, %r) {axis=1}
  return y=%7, z=%9
}`;
  expect(after(text, simplify, dce)).toMatchInlineSnapshot(`
    "graph g(%q: f32[2,2,3,4], %k: f32[2,2,3,4], %v: f32[2,1,3,4], %r: f32[2,3]) {
      %0: f32[2,3,2,4] = permute(%q) {dims=[0,2,1,3]}
      %1: f32[2,3,2,4] = permute(%k) {dims=[0,2,1,3]}
      %2: f32[2,3,1,4] = permute(%v) {dims=[0,2,1,3]}
      %3: f32[2,3,5,4] = cat(%0, %1, %2) {axis=2}
      %4: f32[2,3,20] = reshape(%3) {shape=[2,3,20]}
      %5: f32[2,1,3] = reshape(%r) {shape=[2,1,3]}
      %6: f32[2,3,3] = cat(%5, %5, %5) {axis=1}
      %7: f32[2,9] = reshape(%6) {shape=[2,9]}
      return y=%4, z=%7
    }"
  `);
});

test("what is joined along its last axis of several is joined once, though nothing was merged into it", () => {
  const text = `graph g(%q: f32[1,1,5]) {
  %0: f32[1,1,5] = permute(%q) {dims=[1,0,2]}
  %1: f32[1,5] = reshape(%0) {shape=[1,5]}
  %2: f32[1,10] = cat(%1, %1) {axis=1}
  return y=%2
}`;
  expect(after(text, simplify, dce)).toContain("cat");
});
