/** Graphs with loops, as text: a recurrent cell of any number of steps, and unusual ways of passing values on. */

import { parseGraph } from "../../src/ir/parse.ts";
import type { Graph } from "../../src/ir/types.ts";
import { opTable } from "../../src/ops/registry.ts";

/** h ← tanh(x·Wx + h·Wh + b) over `steps` steps; the loss looks at all states and at the last one. */
export const recurrent = (steps: number, batch = 2, inputs = 4, units = 3): Graph =>
  parseGraph(
    `graph recurrent(%x: f32[${steps},${batch},${inputs}]) params(@h0: f32[${batch},${units}], @wx: f32[${inputs},${units}], @wh: f32[${units},${units}], @b: f32[${units}]) {
  %0: (f32[${batch},${units}], f32[${steps},${batch},${units}]) = scan(@h0, %x, @wx, @wh, @b) {body=graph cell(%h: f32[${batch},${units}], %x: f32[${batch},${inputs}], %wx: f32[${inputs},${units}], %wh: f32[${units},${units}], %b: f32[${units}]) {
      %0: f32[${batch},${units}] = matmul(%x, %wx) {transposeA=false, transposeB=false}
      %1: f32[${batch},${units}] = matmul(%h, %wh) {transposeA=false, transposeB=false}
      %2: f32[${batch},${units}] = add(%0, %1)
      %3: f32[${batch},${units}] = add(%2, %b)
      %4: f32[${batch},${units}] = tanh(%3)
      return h=%4, y=%4
    }, carried=1, descending=false, iterations=${steps}, stacked=1}
  %1: f32[${steps},${batch},${units}] = result_of(%0) {index=1}
  %2: f32[${steps},${batch},${units}] = mul(%1, %1)
  %3: f32[] = sum(%2) {axes=[0,1,2], keepdim=false}
  %4: f32[] = sum(%0) {axes=[0,1], keepdim=false}
  %5: f32[] = add(%3, %4)
  return loss=%5
}`,
    opTable,
  );

/** Two values that swap, one that stays, an element that is passed through, in descending order. */
export const EXCHANGE = `graph exchange(%x: f32[3,2]) params(@a: f32[2], @b: f32[2], @c: f32[2]) {
  %0: (f32[2], f32[2], f32[2], f32[3,2], f32[3,2], f32[3,2]) = scan(@a, @b, @c, %x, @a) {body=graph step(%a: f32[2], %b: f32[2], %c: f32[2], %x: f32[2], %w: f32[2]) {
      %0: f32[2] = mul(%a, %x)
      %1: f32[2] = add(%0, %w)
      return a=%b, b=%1, c=%c, before=%a, element=%x, w=%w
    }, carried=3, descending=true, iterations=3, stacked=1}
  %1: f32[2] = result_of(%0) {index=1}
  %2: f32[2] = result_of(%0) {index=2}
  %3: f32[3,2] = result_of(%0) {index=3}
  %4: f32[3,2] = result_of(%0) {index=4}
  %5: f32[3,2] = result_of(%0) {index=5}
  %6: f32[2] = mul(%0, %1)
  %7: f32[2] = add(%6, %2)
  %8: f32[3,2] = mul(%3, %4)
  %9: f32[3,2] = add(%8, %5)
  %10: f32[3,2] = mul(%9, %7)
  %11: f32[] = sum(%10) {axes=[0,1], keepdim=false}
  return loss=%11, last=%0, all=%3
}`;

/** A loop within a loop, which reads what the outer one carries and reduces what it stacks. */
export const NESTED = `graph nested(%x: f32[3,2,4]) params(@h: f32[4], @w: f32[4]) {
  %0: (f32[4], f32[3,4]) = scan(@h, %x, @w) {body=graph outer(%h: f32[4], %x: f32[2,4], %w: f32[4]) {
      %0: (f32[4], f32[2,4]) = scan(%h, %x, %w, %h) {body=graph inner(%g: f32[4], %x: f32[4], %w: f32[4], %h: f32[4]) {
          %0: f32[4] = mul(%g, %w)
          %1: f32[4] = add(%0, %x)
          %2: f32[4] = tanh(%1)
          %3: f32[4] = mul(%2, %h)
          return g=%2, y=%3
        }, carried=1, descending=false, iterations=2, stacked=1}
      %1: f32[2,4] = result_of(%0) {index=1}
      %2: f32[4] = sum(%1) {axes=[0], keepdim=false}
      %3: f32[4] = mul(%2, %w)
      return h=%3, y=%0
    }, carried=1, descending=false, iterations=3, stacked=1}
  %1: f32[3,4] = result_of(%0) {index=1}
  %2: f32[3,4] = mul(%1, %0)
  %3: f32[] = sum(%2) {axes=[0,1], keepdim=false}
  return loss=%3
}`;

/** A loop over elements only, one result of which is never read. */
export const MAPPED = `graph mapped(%x: f32[5,3]) params(@w: f32[3,3]) {
  %0: (f32[5,3], f32[5]) = scan(%x, @w) {body=graph each(%x: f32[3], %w: f32[3,3]) {
      %0: f32[1,3] = reshape(%x) {shape=[1,3]}
      %1: f32[1,3] = matmul(%0, %w) {transposeA=false, transposeB=true}
      %2: f32[3] = reshape(%1) {shape=[3]}
      %3: f32[3] = log_softmax(%2) {axis=0}
      %4: f32[] = sum(%3) {axes=[0], keepdim=false}
      return unread=%3, y=%4
    }, carried=0, descending=false, iterations=5, stacked=1}
  %1: f32[5] = result_of(%0) {index=1}
  %2: f32[5] = mul(%1, %1)
  %3: f32[] = sum(%2) {axes=[0], keepdim=false}
  return loss=%3
}`;

/** All of them, by name. */
export const LOOPS: readonly (readonly [string, Graph])[] = [
  ["a recurrent cell", recurrent(5)],
  ["a recurrent cell of some size", recurrent(3, 8, 12, 20)],
  ...[EXCHANGE, NESTED, MAPPED].map((text): [string, Graph] => {
    const graph = parseGraph(text, opTable);
    return [graph.name, graph];
  }),
];
