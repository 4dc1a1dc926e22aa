/** The epochs of `kiln train`: steps, then the metrics on the test set, until the end or an interrupt. */

import { setImmediate } from "node:timers/promises";
import type { DataLoader } from "../../data/index.ts";
import type { Optimizer } from "../../optim/index.ts";
import type { Program } from "../../runtime/programs/program.ts";
import type { Trainer } from "../../runtime/programs/trainer.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Interrupt } from "../interrupt.ts";
import { type Metrics, measure } from "./metrics.ts";
import { advance, type Schedule } from "./schedule.ts";

/** Named losses besides the one that is minimised. */
export type Losses = Readonly<Record<string, number>>;

/** The results of one epoch, without times. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** Mean loss of the samples, each before the update of its step. */
  readonly loss: number;
  /** The same for its parts, by name, if the loss returns a record. */
  readonly losses?: Losses;
  /** What was measured on the test set, by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** The results of one epoch, and how long it took. */
export interface EpochFigures extends EpochRecord {
  /** Time of the steps that this process made; testing is left out. */
  readonly seconds: number;
  readonly samplesPerSecond: number;
}

/** A position in a run: before a batch of an epoch. */
export interface Position {
  /** Counted from 1. */
  readonly epoch: number;
  /** How many batches of the epoch are done. */
  readonly batch: number;
  /** The number of samples in these. */
  readonly samples: number;
  /** The sum of their losses. */
  readonly lossSum: number;
  /** The sums of their named losses, if there are any. */
  readonly lossSums?: Losses;
}

/** Before the first batch of an epoch. */
export const startOf = (epoch: number): Position => ({ epoch, batch: 0, samples: 0, lossSum: 0 });

/** Is notified of events while a model trains. */
export interface TrainingListener {
  /** `done` of the epoch's steps were made before. */
  epochBegins(epoch: number, steps: number, done: number): void;
  step(loss: number, samplesPerSecond: number, losses: Losses): void;
  epochEnds(figures: EpochFigures): void;
  /** The epoch is left before its end. */
  epochStops(): void;
}

export interface Training {
  readonly trainer: Trainer;
  /** The model's forward pass, on the same parameters. */
  readonly program: Program;
  readonly optimizer: Optimizer;
  /** The learning rate of an epoch, counted from 1; absent if the model file decides it. */
  readonly learningRate: ((epoch: number) => number) | undefined;
  readonly schedule: Schedule | undefined;
  readonly trainLoader: DataLoader;
  readonly testLoader: DataLoader;
  readonly metrics: Metrics;
  readonly epochs: number;
  /** Where to begin. */
  readonly start: Position;
  /** Called after each step and after each epoch with the position of the run. */
  readonly reached: (position: Position) => Promise<void>;
}

/** Trains until all epochs are done or `interrupt` asks to end; the running step is always finished. */
export async function runEpochs(
  training: Training,
  interrupt: Interrupt,
  listener: TrainingListener,
): Promise<void> {
  for (let start = training.start; start.epoch <= training.epochs; start = startOf(start.epoch + 1)) {
    if (training.learningRate !== undefined) training.optimizer.lr = training.learningRate(start.epoch);
    listener.epochBegins(start.epoch, training.trainLoader.length, start.batch);
    const figures = await runEpoch(training, start, interrupt, listener).catch((error) => {
      listener.epochStops();
      throw error;
    });
    if (figures === undefined) return listener.epochStops();
    advance(training.schedule, "epoch", figures.loss);
    listener.epochEnds(figures);
    await training.reached(startOf(start.epoch + 1));
  }
}

async function runEpoch(
  { trainer, program, schedule, trainLoader, testLoader, metrics: measures, reached }: Training,
  start: Position,
  interrupt: Interrupt,
  listener: TrainingListener,
): Promise<EpochFigures | undefined> {
  const begin = performance.now();
  const secondsSoFar = (): number => (performance.now() - begin) / 1000;
  const { epoch } = start;
  let [batch, samples, lossSum, lossSums] = [0, start.samples, start.lossSum, start.lossSums ?? {}];
  const samplesPerSecond = (): number => (samples - start.samples) / secondsSoFar();
  for await (const [images, labels] of trainLoader.batches(epoch - 1)) {
    batch++;
    if (batch <= start.batch) continue;
    const { loss, losses } = await stepOn(trainer, images, labels);
    samples += images.size(0);
    lossSum += loss * images.size(0);
    lossSums = mapValues(losses, (value, name) => (lossSums[name] ?? 0) + value * images.size(0));
    advance(schedule, "step", loss);
    listener.step(loss, samplesPerSecond(), losses);
    await reached({ epoch, batch, samples, lossSum, ...(hasSome(losses) && { lossSums }) });
    await setImmediate(); // lets Node deliver a Ctrl-C
    if (interrupt.requested) return undefined;
  }
  const seconds = secondsSoFar();
  const speed = samplesPerSecond();
  const metrics = await measureAll(measures, program, testLoader.batches(epoch - 1), interrupt);
  if (metrics === undefined) return undefined;
  const losses = mapValues(lossSums, (sum) => sum / samples);
  const means = { loss: lossSum / samples, ...(hasSome(losses) && { losses }) };
  return { epoch, ...means, metrics, seconds, samplesPerSecond: speed };
}

/** A step on a batch: returns the loss that is minimised, and the other losses that it names. */
async function stepOn(
  trainer: Trainer,
  x: Tensor,
  target: Tensor,
): Promise<{ readonly loss: number; readonly losses: Losses }> {
  if (trainer.losses.length === 1) return { loss: await trainer.step(x, target), losses: {} };
  const { loss, losses } = await trainer.step(x, target, { losses: true });
  return { loss, losses: Object.fromEntries(Object.entries(losses).filter(([name]) => name !== "loss")) };
}

const hasSome = (losses: Losses): boolean => Object.keys(losses).length > 0;

const mapValues = (record: Losses, f: (value: number, name: string) => number): Losses =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));

/** Each metric over all samples of `batches`; undefined after an interrupt. */
async function measureAll(
  metrics: Metrics,
  program: Program,
  batches: AsyncIterable<readonly [Tensor, Tensor]>,
  interrupt: Interrupt,
): Promise<Record<string, number> | undefined> {
  const sums = Object.keys(metrics).map((name) => ({ name, sum: 0 }));
  if (sums.length === 0) return {};
  let samples = 0;
  for await (const [x, target] of batches) {
    const outputs = await program.run(x);
    for (const entry of sums) {
      entry.sum += x.size(0) * (await measure(entry.name, metrics[entry.name], outputs, target));
    }
    samples += x.size(0);
    await setImmediate();
    if (interrupt.requested) return undefined;
  }
  return Object.fromEntries(sums.map(({ name, sum }) => [name, sum / samples]));
}
