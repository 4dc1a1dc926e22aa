/** Random models against PyTorch, which trained the same in double precision (test/fixtures/random_models.py). */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type ModelSpec, makeModel } from "../support/random-model.ts";
import type { NetStep } from "../support/random-net.ts";
import {
  differenceBetween,
  isIllConditioned,
  type Outcome,
  trainRandom,
} from "../support/random-training.ts";

interface Case {
  readonly spec: ModelSpec;
  readonly steps: readonly NetStep[];
  /** What training gave: the losses, and all parameters and buffers after it. */
  readonly values: Readonly<Record<string, readonly number[]>>;
}

/** A night's run may bring models of its own: KILN_PYTORCH_MODELS is the file that random_models.py wrote. */
const FILE = process.env.KILN_PYTORCH_MODELS ?? new URL("../fixtures/random_models.json", import.meta.url);

const { models } = JSON.parse(readFileSync(FILE, "utf8")) as { readonly models: readonly Case[] };

describe.each(["interpret", "js", "wasm"])("%s trains as PyTorch does", (backend) => {
  test.each(models.map((model, k) => [k, model] as const))(
    "model %i",
    async (_k, { spec, steps, values }) => {
      // Another net from the same numbers means that the generator has changed: make the fixture again.
      expect(makeModel(spec).steps).toEqual(steps);
      const actual = await trainRandom(spec, { backend });
      const expected: Outcome = { ...actual, values: new Map(Object.entries(values)) };
      const found = differenceBetween(actual, expected);
      if (found !== undefined && !(await isIllConditioned(spec))) throw new Error(found);
    },
  );
});
