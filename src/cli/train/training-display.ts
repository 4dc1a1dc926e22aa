/** The output of `kiln train` while it runs: a progress bar on a terminal, and one line per epoch. */

import { SingleBar } from "cli-progress";
import { type Palette, paletteFor } from "../colours.ts";
import { columnsOf } from "../terminal.ts";
import { LossCurve } from "./loss-curve.ts";
import { TimeLeft } from "./time-left.ts";
import type { History } from "./training-checkpoint.ts";
import type { EpochFigures, EpochRecord, TrainingListener } from "./training-loop.ts";

const CHART = { columns: 72, rows: 10 } as const;

/** The columns next to the chart: its values and its axis. */
const AXIS = 12;

/** The bar is as wide as the terminal leaves room for. */
const BAR = { least: 8, most: 30, beside: 74 } as const;

/** The destination of the lines, and their look. */
export interface Output {
  readonly palette: Palette;
  readonly print: (line: string) => void;
  /** Absent if nothing limits the width. */
  readonly columns?: number;
}

const STANDARD: Output = {
  palette: paletteFor(process.stdout, process.env),
  print: (line) => console.log(line),
  ...(process.stdout.columns !== undefined && { columns: process.stdout.columns }),
};

/** Collects the figures of a training and shows them as they come. */
export class TrainingDisplay implements TrainingListener {
  readonly curve: LossCurve;
  /** Those of an earlier process have no times. */
  readonly epochs: (EpochRecord | EpochFigures)[];
  readonly #epochCount: number;
  readonly #bar: SingleBar | undefined;
  readonly #left: TimeLeft;
  readonly #output: Output;

  /** `history` is the part of a resumed run that came before. */
  constructor(epochCount: number, history?: History, output: Output = STANDARD) {
    this.#epochCount = epochCount;
    this.#left = new TimeLeft(epochCount);
    this.#output = output;
    this.curve = new LossCurve(history?.curve);
    this.epochs = [...(history?.epochs ?? [])];
    if (process.stderr.isTTY) this.#bar = makeBar();
  }

  epochBegins(epoch: number, steps: number, done: number): void {
    this.#left.epochBegins(epoch, steps, done);
    this.#bar?.start(steps, done, {
      ...{ epoch: `epoch ${epoch}/${this.#epochCount}`, loss: "", speed: "", left: "" },
    });
  }

  step(loss: number, samplesPerSecond: number): void {
    this.curve.add(loss);
    this.#left.step();
    this.#bar?.increment({
      loss: `loss ${loss.toFixed(4)}`,
      speed: `${grouped(samplesPerSecond)} samples/s`,
      left: this.#left.text,
    });
  }

  epochEnds(figures: EpochFigures): void {
    this.#bar?.stop();
    this.epochs.push(figures);
    const { epoch, loss, losses = {}, metrics, seconds, samplesPerSecond } = figures;
    const parts = Object.entries(losses).map(([name, value]) => `${name} ${value.toFixed(4)}`);
    const { palette, print } = this.#output;
    print(
      [
        palette.heading(`epoch ${epoch}/${this.#epochCount}`),
        ...[`loss ${loss.toFixed(4)}`, ...parts],
        ...describeMetrics(metrics).map((text) => palette.figure(text)),
        palette.faint(`${seconds.toFixed(1)} s  ${grouped(samplesPerSecond)} samples/s`),
      ].join("  "),
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
    const { columns = Number.POSITIVE_INFINITY, palette, print } = this.#output;
    const chart = this.curve.draw(Math.max(10, Math.min(CHART.columns, columns - AXIS)), CHART.rows);
    if (chart !== "") print(`\n${palette.heading("loss of the steps")}\n${chart}\n`);
  }
}

const makeBar = (): SingleBar =>
  new SingleBar({
    format: "{epoch} {bar} {value}/{total}  {loss}  {speed}  {left}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: Math.max(BAR.least, Math.min(BAR.most, columnsOf(process.stderr) - BAR.beside)),
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
