/** What `kiln train` shows while it runs: a progress bar where there is a terminal, and one line per epoch. */

import { SingleBar } from "cli-progress";
import { LossCurve } from "./loss-curve.ts";
import type { History } from "./training-checkpoint.ts";
import type { EpochFigures, EpochRecord, TrainingListener } from "./training-loop.ts";

const CHART = { columns: 72, rows: 10 } as const;

/** Collects the figures of a training and shows them as they come. */
export class TrainingDisplay implements TrainingListener {
  readonly curve: LossCurve;
  /** Those of an earlier process have no times. */
  readonly epochs: (EpochRecord | EpochFigures)[];
  readonly #epochCount: number;
  readonly #bar: SingleBar | undefined;

  /** `history` is what a resumed run has behind it. */
  constructor(epochCount: number, history?: History) {
    this.#epochCount = epochCount;
    this.curve = new LossCurve(history?.curve);
    this.epochs = [...(history?.epochs ?? [])];
    if (process.stderr.isTTY) this.#bar = makeBar();
  }

  epochBegins(epoch: number, steps: number, done: number): void {
    this.#bar?.start(steps, done, { epoch: `epoch ${epoch}/${this.#epochCount}`, loss: "", speed: "" });
  }

  step(loss: number, samplesPerSecond: number): void {
    this.curve.add(loss);
    this.#bar?.increment({
      loss: `loss ${loss.toFixed(4)}`,
      speed: `${grouped(samplesPerSecond)} samples/s`,
    });
  }

  epochEnds(figures: EpochFigures): void {
    this.#bar?.stop();
    this.epochs.push(figures);
    const { epoch, loss, losses = {}, metrics, seconds, samplesPerSecond } = figures;
    const parts = Object.entries(losses).map(([name, value]) => `${name} ${value.toFixed(4)}`);
    const measured = [...parts, ...describeMetrics(metrics)].map((text) => `${text}  `);
    console.log(
      `epoch ${epoch}/${this.#epochCount}  loss ${loss.toFixed(4)}  ${measured.join("")}` +
        `${seconds.toFixed(1)} s  ${grouped(samplesPerSecond)} samples/s`,
    );
  }

  epochStops(): void {
    this.#bar?.stop();
  }

  /** All figures that do not depend on the clock. */
  get history(): History {
    const epochs = this.epochs.map(({ epoch, loss, losses, metrics }) => ({
      ...{ epoch, loss, metrics },
      ...(losses && { losses }),
    }));
    return { epochs, curve: this.curve.state };
  }

  /** Prints the loss of all steps as a curve. */
  showCurve(): void {
    const chart = this.curve.draw(CHART.columns, CHART.rows);
    if (chart !== "") console.log(`\nloss of the steps\n${chart}\n`);
  }
}

const makeBar = (): SingleBar =>
  new SingleBar({
    format: "{epoch} {bar} {value}/{total}  {loss}  {speed}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 30,
    clearOnComplete: true,
    gracefulExit: false,
    stream: process.stderr,
  });

/** `test accuracy 98.31 %`, and `test mse 0.0123` */
export const describeMetrics = (metrics: EpochRecord["metrics"]): string[] =>
  Object.entries(metrics).map(
    ([name, value]) => `test ${name} ${name === "accuracy" ? percent(value) : Number(value.toPrecision(5))}`,
  );

/** `98.31 %` */
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** `5,210` */
export const grouped = (value: number): string => Math.round(value).toLocaleString("en-US");
