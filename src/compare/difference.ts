/**
 * How far a backend is from the oracle, on as many samples as the oracle can do in a few seconds: it runs each program in
 * double, twice, and takes some thousand times as long as the backend.
 */

import type { Backend } from "../../backends/backend.ts";
import { InternalError } from "../core/errors.ts";
import { flopsText } from "../core/figures-text.ts";
import { flopsOf } from "../loop/flops.ts";
import { type Subject, subjectOn, type Traced } from "./subject.ts";
import { batchSizeOf, type Traceables, traced, withBatchSize } from "./trace-model.ts";
import type { CompareOptions, Difference, ValueDifference } from "./types.ts";

/**
 * Floating-point operations of one run that the oracle is given: both of its runs do some 20 million a second together. A
 * count and not a time, so that the same samples are compared on every machine.
 */
const BUDGET = 100e6;

/** The least batch may take so many: about a minute. */
const MOST = 1.2e9;

/** The least batch whose statistics are more than the sample itself, where more than one was asked for. */
const LEAST_SAMPLES = 2;

/** How many operations the oracle may be given, and how many at most for the least batch. */
export interface Budget {
  readonly usual: number;
  readonly most: number;
}

/** Holds one run of `subject`, or of the same model with a smaller batch, against the oracle. */
export async function differenceFrom(
  subject: Subject,
  backend: Backend,
  asked: Traceables,
  options: CompareOptions,
  { usual, most }: Budget = { usual: BUDGET, most: MOST },
): Promise<Difference> {
  const given = batchSizeOf(asked);
  const work = operationsOf(subject);
  if (work <= usual) return checked(given, await subject.compare());
  const samples = Math.min(given, Math.max(LEAST_SAMPLES, Math.floor((given * usual) / work)));
  if ((samples * work) / given > most) {
    return {
      checked: false,
      reason: `a batch of ${samples} takes ${flopsText((samples * work) / given)}, too many for the oracle`,
    };
  }
  if (samples === given) return checked(given, await subject.compare());
  return onFewer(samples, backend, asked, options);
}

const operationsOf = ({ specialization }: Subject): number =>
  specialization.plan.kernels.reduce((sum, kernel) => sum + flopsOf(kernel), 0);

/** A model that is written for one batch size can be compared on no other. */
async function onFewer(
  samples: number,
  backend: Backend,
  asked: Traceables,
  options: CompareOptions,
): Promise<Difference> {
  let source: Traced;
  try {
    source = await traced(withBatchSize(asked, samples));
  } catch (error) {
    if (error instanceof InternalError || !(error instanceof Error)) throw error;
    const reason = `a batch of ${batchSizeOf(asked)} is too much for the oracle, and the model takes no batch of ${samples}: ${error.message}`;
    return { checked: false, reason };
  }
  const smaller = await subjectOn(backend, source, options);
  try {
    return checked(samples, await smaller.compare());
  } finally {
    await smaller.dispose();
  }
}

function checked(batchSize: number, values: readonly ValueDifference[]): Difference {
  const first = values.find(({ difference, allowed }) => difference > allowed) ?? null;
  const meaningful = values.filter(({ allowed }) => allowed < 1);
  const largest = meaningful.reduce<ValueDifference | null>(
    (most, value) => (most === null || value.difference > most.difference ? value : most),
    null,
  );
  return { checked: true, batchSize, largest, first, values };
}
