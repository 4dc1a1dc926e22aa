/** Random models against PyTorch, which trained the same in double precision (test/fixtures/random_models.py). */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isHere } from "../backends/c/toolchain.ts";
import { SEED } from "../support/extent.ts";
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

/** Of the nets that the system's compiler builds there are fewer, others for each seed; a night's run has all. */
const SHARE_IN_C = process.env.KILN_LONG_RUNS === undefined ? 12 : 1;

describe.each(["interpret", "js", "wasm", ...(isHere ? (["c"] as const) : [])] as const)(
  "%s trains as PyTorch does",
  (backend) => {
    const own = models.map((model, k) => [k, model] as const);
    test.each(own.filter(([k]) => backend !== "c" || (k + SEED) % SHARE_IN_C === 0))(
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
  },
);
