/** Deterministic test data for op samples: drawn away from kinks if an op asks for it. */

import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { SampleInput } from "../../src/ops/definition.ts";

/** A small integer generator (mulberry32), so that a failing sample can be repeated. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Numbers for one input of a sample. */
export function draw(input: SampleInput, random: () => number): TypedArray {
  const data = allocate(input.dtype, sizeOf(input.shape));
  const order = [...data.keys()].sort(() => random() - 0.5);
  for (let i = 0; i < data.length; i++) {
    if (input.below !== undefined) data[i] = Math.floor(random() * input.below);
    else if (input.draw === "positive") data[i] = 0.5 + random();
    else if (input.draw === "above 1") data[i] = 1.1 + random();
    else if (input.draw === "unit") data[i] = 0.05 + random() * 0.9;
    else if (input.draw === "nonzero") data[i] = (0.2 + random()) * (random() < 0.5 ? -1 : 1);
    else if (input.draw === "distinct") data[i] = order[i] * 0.1 - data.length * 0.05 + random() * 0.01;
    else data[i] = random() * 2 - 1;
  }
  return data;
}
