/**
 * What a model file may export for its own training: data, metrics,
 * optimizer and schedule, each checked when it is used.
 */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import type { DataLoader } from "../../data/index.ts";
import { isIterableDataset } from "../../data/iterable-dataset.ts";
import type { Parameter } from "../../nn/index.ts";
import { type lrScheduler, Optimizer } from "../../optim/index.ts";
import type { ModelFile } from "../model-file.ts";
import type { Schedule, Scheduler } from "./schedule.ts";

/** Any dataset that a loader takes. */
export type TrainableDataset = DataLoader["dataset"];

/** The data that a model file exports. */
export interface OwnData {
  readonly train: TrainableDataset;
  readonly test: TrainableDataset;
}

/** The data of `file`, from `dataset` or from `train` and `test`; undefined if it exports neither. */
export async function ownData(
  { path, exported = {} }: ModelFile,
  seed: number,
): Promise<OwnData | undefined> {
  const { dataset } = exported;
  const names = ["dataset", "train", "test"].filter((name) => exported[name] !== undefined);
  if (names.length === 0) return undefined;
  if (dataset !== undefined && names.length > 1) {
    throw new KilnError(`${path} exports dataset and ${names[1]}: give dataset, or train and test`);
  }
  const made = await called(dataset, { seed });
  const parts = dataset === undefined ? exported : (Object(made) as Readonly<Record<string, unknown>>);
  const part = async (name: "train" | "test"): Promise<TrainableDataset> => {
    const what = dataset === undefined ? name : `dataset.${name}`;
    const value = await called(parts[name], { seed });
    if (isIterableDataset(value) && value.length === undefined) {
      throw new KilnError(
        `${path}'s ${what} is iterable but has no length: kiln train needs to know how many samples an epoch has`,
      );
    }
    if (isDataset(value)) return value;
    throw new KilnError(
      `${path}'s ${what} must be a dataset, or a function that makes one, such as new data.TensorDataset(x, y), ` +
        `not ${describeValue(value)}; ${
          dataset === undefined ? "train and test are both wanted" : "dataset is an object { train, test }"
        }`,
    );
  };
  return { train: await part("train"), test: await part("test") };
}

const called = async (value: unknown, given: { readonly seed: number }): Promise<unknown> =>
  typeof value === "function" ? await value(given) : await value;

function isDataset(value: unknown): value is TrainableDataset {
  if (isIterableDataset(value)) return true;
  const given = Object(value) as Readonly<Record<string, unknown>>;
  return (
    typeof value === "object" &&
    Number.isSafeInteger(given.length) &&
    ["sample", "getItem", "batch"].some((name) => typeof given[name] === "function")
  );
}

/** The optimizer that the model file's `optimizer` makes from the parameters; undefined if it exports none. */
export function ownOptimizer(
  { path, exported = {} }: ModelFile,
  parameters: readonly Parameter[],
): Optimizer | undefined {
  const { optimizer } = exported;
  if (optimizer === undefined) return undefined;
  const made: unknown = typeof optimizer === "function" ? optimizer(parameters) : optimizer;
  if (typeof optimizer === "function" && made instanceof Optimizer) return made;
  throw new KilnError(
    `${path}'s optimizer must be a function that makes one of the parameters, such as ` +
      `(parameters) => new optim.Adam(parameters, { lr: 0.001 }), and ${
        typeof optimizer === "function" ? `returns ${describeValue(made)}` : `is ${describeValue(optimizer)}`
      }`,
  );
}

/** The second argument of the function that makes a schedule. */
export interface ScheduleContext {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/** The schedule that the model file's `schedule` makes from the optimizer; undefined if it exports none. */
export function ownSchedule(
  { path, exported = {} }: ModelFile,
  optimizer: Optimizer,
  context: ScheduleContext,
): Schedule | undefined {
  const { schedule } = exported;
  if (schedule === undefined) return undefined;
  const made: unknown = typeof schedule === "function" ? schedule(optimizer, context) : undefined;
  const named = isScheduler(made) ? { scheduler: made, interval: "epoch" } : (Object(made) as object);
  const { scheduler, interval = "epoch" } = named as { scheduler?: unknown; interval?: unknown };
  if (isScheduler(scheduler) && (interval === "epoch" || interval === "step")) return { scheduler, interval };
  throw new KilnError(
    `${path}'s schedule must be a function such as (optimizer, { epochs, stepsPerEpoch }) => ` +
      "new optim.lrScheduler.CosineAnnealingLR(optimizer, { tMax: epochs }), which may also return " +
      `{ scheduler, interval: "step" }, and ${
        typeof schedule === "function" ? `returns ${describeValue(made)}` : `is ${describeValue(schedule)}`
      }`,
  );
}

const isScheduler = (value: unknown): value is Scheduler => {
  const { step, stateDict, loadStateDict } = Object(value) as Partial<lrScheduler.LRScheduler>;
  return [step, stateDict, loadStateDict].every((method) => typeof method === "function");
};
