/** The text of kernels: what gpu.js is handed, spelled so that every mode reads the same numbers out of it. */

import { expect, test } from "vitest";
import { gpujsBackends } from "../../../backends/gpujs/backend.ts";
import { sourceOf } from "../../../backends/gpujs/source.ts";
import { GraphBuilder } from "../../../src/ir/builder.ts";
import { opTable } from "../../../src/ops/registry.ts";
import { planOf } from "../../support/run-graph.ts";
import { graphFrom } from "./graphs.ts";

const [gpujs] = gpujsBackends();

/** The functions of a graph's kernels. */
const functionsOf = (body: string, inputs: string, output: string): readonly string[] =>
  planOf(graphFrom(body, inputs, output), gpujs).kernels.map((kernel) => sourceOf(kernel, "webgl2").text);

test("a padded convolution reads nothing outside of its image", () => {
  const [text] = functionsOf(
    `  %0: f32[1,3,6,6] = conv2d(%x, %w, %b) {stride=[1,1], padding=[1,1], dilation=[1,1], groups=1}
  %1: f32[1,3,6,6] = relu(%0)`,
    "%x: f32[1,2,6,6], %w: f32[3,2,3,3], %b: f32[3]",
    "%1",
  );
  expect(text).toMatchInlineSnapshot(`
    "function (x, w, b) {
      const i1 = Math.floor(this.thread.x / 36);
      const p11 = i1 * 18;
      const t0 = b[i1];
      const i2 = Math.floor(this.thread.x / 6) % 6;
      const p9 = i2 * 6;
      const i3 = this.thread.x % 6;
      const p6 = p9 + i3;
      let acc0 = 0.0;
      for (let ci = 0; ci < 2; ci++) {
        const p4 = p6 + ci * 36;
        const p5 = p11 + ci * 9;
        for (let ky = 0; ky < 3; ky++) {
          const p2 = p4 + ky * 6;
          const p3 = p5 + ky * 3;
          let t1 = 0.0;
          if ((i2 + ky - 1 >= 0) && (i2 + ky - 1 < 6)) { t1 = 1.0; }
          for (let kx = 0; kx < 3; kx++) {
            const p0 = p2 + kx;
            const p1 = p3 + kx;
            let chosen = 0.0;
            if ((t1 > 0.5) && ((i3 + kx - 1 >= 0) && (i3 + kx - 1 < 6))) {
              chosen = x[p0 - 7];
            }
            acc0 = acc0 + chosen * w[p1];
          }
        }
      }
      return Math.max(acc0 + t0, 0.0);
    }"
  `);
});

test("tanh is spelled by exponentials that cannot overflow, and by a series near zero", () => {
  const [text] = functionsOf("  %0: f32[9] = tanh(%x)", "%x: f32[9]", "%0");
  expect(text).toMatchInlineSnapshot(`
    "function (x) {
      const value = x[this.thread.x];
      let tanh = 1.0 - 2.0 / (Math.exp(2.0 * Math.min(value, 20.0)) + 1.0);
      if (Math.abs(value) < 0.25) {
        const twice = 2.0 * value;
        let expm1 = Math.exp(twice) - 1.0;
        if (Math.abs(twice) < 0.5) {
          expm1 = twice * (1.0 + twice * 0.5 * (1.0 + twice * 0.3333333333333333 * (1.0 + twice * 0.25 * (1.0 + twice * 0.2 * (1.0 + twice * 0.16666666666666666 * (1.0 + twice * 0.14285714285714285 * (1.0 + twice * 0.125 * (1.0 + twice * 0.1111111111111111 * (1.0 + twice * 0.1)))))))));
        }
        tanh = expm1 / (expm1 + 2.0);
      }
      return tanh;
    }"
  `);
});

test("names that the kernel language reserves, or that the kernel needs itself, are numbered", () => {
  const [text] = functionsOf(
    "  %0: f32[4,2] = add(%this, %i0)\n  %1: f32[4,2] = mul(%0, %a__b)",
    "%this: f32[4,2], %i0: f32[4,1], %a__b: f32[4,2]",
    "%1",
  );
  expect(text).toMatchInlineSnapshot(`
    "function (this_2, i0, a_b) {
      const i0_2 = Math.floor(this.thread.x / 2);
      const p1 = i0_2 * 2;
      const t0 = i0[i0_2];
      const i1 = this.thread.x % 2;
      const p0 = p1 + i1;
      return (this_2[p0] + t0) * a_b[p0];
    }"
  `);
});

test("numbers that no 32-bit float holds are not written down", () => {
  const b = new GraphBuilder(opTable);
  const x = b.input("input", "x", { dtype: "float32", shape: [4] });
  const bounded = b.node("maximum", [b.node("minimum", [x, b.constant(1e39)]), b.constant(-1e-50)]);
  const plan = planOf(b.build("test", [{ name: "output", value: bounded }]), gpujs);
  const { text } = sourceOf(plan.kernels[0], "webgl2");
  expect(text).toContain("return Math.max(Math.min(x[this.thread.x], Infinity), (-0.0));");
});

test("loops are counted by literals alone", () => {
  const texts = functionsOf(
    `  %0: (f32[2,1,7,7], u8[2,1,7,7], i32[2,1,7,7]) = max_pool2d(%x) {kernel=[3,3], stride=[2,2], padding=[1,1], dilation=[1,1], ceilMode=false}
  %1: f32[2] = sum(%0) {axes=[1,2,3], keepdim=false}`,
    "%x: f32[2,1,13,13]",
    "%1",
  );
  const loops = texts.join("\n").match(/for \(.*\)/g) ?? [];
  expect(loops.length).toBeGreaterThan(2);
  for (const loop of loops) expect(loop).toMatch(/^for \(let (\w+) = 0; \1 < \d+; \1\+\+\)$/);
});
