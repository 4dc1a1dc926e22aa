/** What `kiln train --tensorboard` writes: the loss of every step, and metrics and learning rates of every epoch. */

import type { Optimizer } from "../../optim/index.ts";
import { SummaryWriter } from "../../summary/writer.ts";
import { checkWritable } from "../output-folder.ts";
import type { EpochFigures, Losses, TrainingListener } from "./training-loop.ts";

/** Adds the figures of a run to event files in a folder, which `tensorboard --logdir` shows while it runs. */
export class Board implements TrainingListener {
  readonly #writer: SummaryWriter;
  readonly #optimizer: Optimizer;
  readonly #stepCount: () => number;
  #isFaulty = false;
  #fault: unknown;

  constructor(folder: string, optimizer: Optimizer, stepCount: () => number) {
    this.#writer = new SummaryWriter(folder);
    this.#optimizer = optimizer;
    this.#stepCount = stepCount;
  }

  /** Throws unless event files can be written there. */
  static async check(folder: string): Promise<void> {
    await checkWritable(folder);
  }

  epochBegins(): void {
    for (const [k, { lr }] of this.#optimizer.paramGroups.entries()) {
      this.#add(k === 0 ? "lr" : `lr/group${k}`, lr);
    }
  }

  step(loss: number, _samplesPerSecond: number, losses: Losses): void {
    this.#add("loss/train", loss);
    for (const [name, value] of Object.entries(losses)) this.#add(`${name}/train`, value);
  }

  epochEnds({ metrics, loss, losses = {} }: EpochFigures): void {
    this.#add("loss/epoch", loss);
    for (const [name, value] of Object.entries(losses)) this.#add(`${name}/epoch`, value);
    for (const [name, value] of Object.entries(metrics)) this.#add(`${name}/test`, value);
    this.#watch(this.#writer.flush());
  }

  epochStops(): void {}

  /** Writes what is left; throws errors that occurred during the run. */
  async close(): Promise<void> {
    await this.#writer.close();
    if (this.#isFaulty) throw this.#fault;
  }

  #add(tag: string, value: number): void {
    this.#watch(this.#writer.addScalar(tag, value, this.#stepCount()));
  }

  #watch(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#isFaulty = true;
      this.#fault ??= error;
    });
  }
}

/** Passes events on to several listeners. */
export const together = (listeners: readonly TrainingListener[]): TrainingListener => ({
  epochBegins: (...given) => {
    for (const listener of listeners) listener.epochBegins(...given);
  },
  step: (...given) => {
    for (const listener of listeners) listener.step(...given);
  },
  epochEnds: (figures) => {
    for (const listener of listeners) listener.epochEnds(figures);
  },
  epochStops: () => {
    for (const listener of listeners) listener.epochStops();
  },
});
