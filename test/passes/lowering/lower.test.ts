/** Lowering: groups become plain nests of loops around one pure expression, with views, updates and names settled. */

import { expect, test } from "vitest";
import { js } from "../../../backends/js/backend.ts";
import { fuse } from "../../../passes/fusion/fuse.ts";
import { layout } from "../../../passes/graph/layout.ts";
import { lower } from "../../../passes/lowering/lower.ts";
import { parseGraph } from "../../../src/ir/parse.ts";
import { likenessOf } from "../../../src/loop/alike.ts";
import { type LoweredProgram, printProgram } from "../../../src/loop/program.ts";
import { verifyKernel } from "../../../src/loop/verify.ts";
import { opTable } from "../../../src/ops/registry.ts";

function lowered(text: string): LoweredProgram {
  const program = lower.run(
    layout(js.capabilities).run(fuse(js.capabilities).run(parseGraph(text, opTable))),
  );
  program.kernels.forEach(verifyKernel);
  return program;
}

test("a convolution with bias, relu and pool is one expression; its padding is a guard", () => {
  const program =
    lowered(`graph net(%x: f32[1,2,6,6]) params(@conv.weight: f32[3,2,3,3], @conv.bias: f32[3]) {
  %0: f32[1,3,6,6] = conv2d(%x, @conv.weight, @conv.bias) {stride=[1,1], padding=[1,1], dilation=[1,1], groups=1}   at net.ts:5 conv
  %1: f32[1,3,6,6] = relu(%0)   at net.ts:5
  %2: (f32[1,3,3,3], u8[1,3,3,3], i32[1,3,3,3]) = max_pool2d(%1) {kernel=[2,2], stride=[2,2], padding=[0,0], dilation=[1,1], ceilMode=false}   at net.ts:6
  return output=%2
}`);
  expect(printProgram(program)).toMatchInlineSnapshot(`
    "program net
      input x: f32[1,2,6,6] = %x
      state conv_weight: f32[3,2,3,3] = @conv.weight
      state conv_bias: f32[3] = @conv.bias
      output max_pool2d: f32[1,3,3,3]  # %2
      return output=max_pool2d

    kernel conv2d_relu_max_pool2d   at net.ts:5 conv, net.ts:5, net.ts:6
      ops conv2d, relu, max_pool2d
      flops 4212
      read x: f32[72]  # %x
      read conv_weight: f32[54]  # @conv.weight
      read conv_bias: f32[3]  # @conv.bias
      write max_pool2d: f32[27]  # %2
      for i1 in 3 grid
        for i2 in 3 grid
          for i3 in 3 grid
            max_pool2d[i1 * 9 + i2 * 3 + i3] = max[dy2<2, dx2<2](max(sum[ci<2, ky<3, kx<3](select(i2 * 2 + dy2 + ky + -1 >= 0 && i2 * 2 + dy2 + ky + -1 < 6 && (i3 * 2 + dx2 + kx + -1 >= 0 && i3 * 2 + dx2 + kx + -1 < 6), x[ci * 36 + i2 * 12 + dy2 * 6 + ky * 6 + i3 * 2 + dx2 + kx + -7], 0.0) * conv_weight[i1 * 18 + ci * 9 + ky * 3 + kx]) + conv_bias[i1], 0.0))"
  `);
});

test("equal shapes are one flat loop; broadcasting keeps its axes", () => {
  const program = lowered(`graph net(%x: f32[4,5], %y: f32[4,5], %w: f32[4,5], %z: f32[5]) {
  %0: f32[4,5] = mul(%x, %y)
  %1: f32[4,5] = exp(%0)
  %2: f32[4,5] = add(%w, %z)
  return flat=%1, broadcast=%2
}`);
  expect(printProgram(program)).toMatchInlineSnapshot(`
    "program net
      input x: f32[4,5] = %x
      input y: f32[4,5] = %y
      input w: f32[4,5] = %w
      input z: f32[5] = %z
      output exp: f32[4,5]  # %1
      output add: f32[4,5]  # %2
      return flat=exp, broadcast=add

    kernel mul_exp
      ops mul, exp
      flops 40
      read x: f32[20]  # %x
      read y: f32[20]  # %y
      write exp: f32[20]  # %1
      for i0 in 20 grid
        exp[i0] = exp(x[i0] * y[i0])

    kernel add
      ops add
      flops 20
      read w: f32[20]  # %w
      read z: f32[5]  # %z
      write add: f32[20]  # %2
      for i0 in 4 grid
        for i1 in 5 grid
          add[i0 * 5 + i1] = w[i0 * 5 + i1] + z[i1]"
  `);
});

test("a view is read from the buffer behind it, and an output may be one", () => {
  const program = lowered(`graph net(%x: f32[2,6]) {
  %0: f32[2,6] = relu(%x)
  %1: f32[3,4] = reshape(%0) {shape=[3,4]}
  %2: f32[3,1] = sum(%1) {axes=[1], keepdim=true}
  return view=%1, sum=%2
}`);
  expect(program.outputs).toEqual([
    { name: "view", buffer: "relu", dtype: "float32", shape: [3, 4] },
    { name: "sum", buffer: "sum", dtype: "float32", shape: [3, 1] },
  ]);
  expect(printProgram(program)).toMatchInlineSnapshot(`
    "program net
      input x: f32[2,6] = %x
      output relu: f32[2,6]  # %0
      output sum: f32[3,1]  # %2
      return view=relu: f32[3,4], sum=sum

    kernel relu
      ops relu
      flops 12
      read x: f32[12]  # %x
      write relu: f32[12]  # %0
      for i0 in 12 grid
        relu[i0] = max(x[i0], 0.0)

    kernel sum
      ops sum
      flops 12
      read relu: f32[12]  # %0
      write sum: f32[3]  # %2
      for i0 in 3 grid
        sum[i0] = sum[k0<4](relu[i0 * 4 + k0])"
  `);
});

test("updates that read what they write bind every value before the first store", () => {
  const program = lowered(`graph net(%g: f32[3]) params(@w: f32[3], @m: f32[3]) scalars($lr: f32[]) {
  %0: f32[3] = add(@m, %g)
  %1: f32[3] = mul(%0, $lr)
  %2: f32[3] = sub(@w, %1)
  return
  update @w = %2
  update @m = %0
}`);
  expect(program.commitFrom).toBe(0);
  expect(printProgram(program)).toMatchInlineSnapshot(`
    "program net
      scalars $lr
      commit from update
      input g: f32[3] = %g
      state w: f32[3] = @w
      state m: f32[3] = @m

    kernel update
      ops add, mul, sub
      flops 9
      read g: f32[3]  # %g
      readwrite w: f32[3]  # @w
      readwrite m: f32[3]  # @m
      scalar $lr: f32
      for i0 in 3 grid
        let v0 = m[i0] + g[i0]
        let v1 = w[i0] - v0 * $lr
        m[i0] = v0
        w[i0] = v1"
  `);
});

test("names of users become identifiers, and stay apart", () => {
  const program =
    lowered(`graph net(%"x; alert(1)": f32[2]) params(@"0.weight": f32[2], @"0_weight": f32[2]) {
  %0: f32[2] = add(%"x; alert(1)", @"0.weight")
  %1: f32[2] = add(%0, @"0_weight")
  return output=%1
}`);
  const names = program.buffers.map(({ name }) => name);
  expect(names).toEqual(["x__alert_1_", "_0_weight", "_0_weight_2", "add"]);
  expect(program.states.map(({ name, buffer }) => [name, buffer])).toEqual([
    ["0.weight", "_0_weight"],
    ["0_weight", "_0_weight_2"],
  ]);
});

test("kernels of one name are numbered, and each counts its dense arithmetic", () => {
  const program = lowered(`graph net(%x: f32[4,8]) params(@a: f32[8,8], @b: f32[8,8]) {
  %0: f32[4,8] = linear(%x, @a)
  %1: f32[4,8] = linear(%0, @b)
  return output=%1
}`);
  expect(program.kernels.map((k) => [k.name, k.nominalFlops])).toEqual([
    // 4·8 outputs of 8 multiply-adds, two operations each.
    ["linear", 512],
    ["linear_2", 512],
  ]);
});

test("what serves a whole row counts once for it", () => {
  const program = lowered(`graph net(%x: f32[4,64]) {
  %0: f32[4,64] = softmax(%x) {axis=1}
  return output=%0
}`);
  // Of each element: the maximum; the difference, exponential and sum; the difference, exponential and quotient.
  expect(program.kernels.map((k) => k.nominalFlops)).toEqual([4 * 64 * 7]);
});

test("a pool's winner declares the values it may have", () => {
  const program = lowered(`graph net(%x: f32[1,1,4,6]) {
  %0: (f32[1,1,2,2], u8[1,1,2,2], i32[1,1,2,2]) = max_pool2d(%x) {kernel=[2,3], stride=[2,3], padding=[0,0], dilation=[1,1], ceilMode=false}
  %1: u8[1,1,2,2] = result_of(%0) {index=1}
  return winner=%1
}`);
  const [winner] = program.kernels[0].buffers.filter((b) => b.access === "write");
  expect(winner).toMatchObject({ dtype: "uint8", range: [0, 5] });
});

test("of equal layers one is lowered; what they read and store may come in another order or shape", () => {
  const { kernels } =
    lowered(`graph net(%x: f32[4,8], %r: f32[32]) params(@a: f32[8,8], @b: f32[8,8], @c: f32[8,8], @d: f32[8,8]) {
  %0: f32[4,8] = matmul(%x, @a) {transposeA=false, transposeB=false}
  %1: f32[4,8] = matmul(%0, @b) {transposeA=false, transposeB=false}
  %2: f32[4,8] = matmul(%1, @c) {transposeA=false, transposeB=false}
  %3: f32[4,8] = reshape(%r) {shape=[4,8]}
  %4: f32[4,8] = matmul(%3, @d) {transposeA=false, transposeB=false}
  return first=%2, second=%4
}`);
  // The first reads what comes before its weight among the buffers, the two others what comes behind.
  expect(kernels.map((kernel) => likenessOf(kernel)?.of.name)).toEqual([
    undefined,
    undefined,
    "matmul_2",
    undefined,
  ]);
  expect(Object.fromEntries(likenessOf(kernels[2])!.names)).toEqual({
    b: "c",
    matmul: "matmul_2",
    matmul_2: "matmul_3",
  });
});
