/** The losses of a training as a curve of bounded length, however many steps there are. */

import asciichart from "asciichart";

const MOST_POINTS = 2000;

/** A curve in a checkpoint. */
export interface CurveState {
  readonly stepsPerPoint: number;
  /** The number of steps in the last point's mean. */
  readonly stepsInLast: number;
  readonly losses: readonly number[];
}

export class LossCurve {
  /** Mean losses of `stepsPerPoint` steps each; the last one may have fewer. */
  readonly #points: number[];
  #stepsPerPoint: number;
  #stepsInLast: number;

  /** An empty curve, or one that continues from a state. */
  constructor(
    { stepsPerPoint, stepsInLast, losses }: CurveState = { stepsPerPoint: 1, stepsInLast: 0, losses: [] },
  ) {
    this.#points = [...losses];
    this.#stepsPerPoint = stepsPerPoint;
    this.#stepsInLast = stepsInLast;
  }

  /** The state from which the curve can be continued. */
  get state(): CurveState {
    return { ...this.toJSON(), stepsInLast: this.#stepsInLast };
  }

  /** Adds the loss of the next step. */
  add(loss: number): void {
    const points = this.#points;
    if (points.length > 0 && this.#stepsInLast < this.#stepsPerPoint) {
      this.#stepsInLast++;
      points[points.length - 1] += (loss - points[points.length - 1]) / this.#stepsInLast;
      return;
    }
    if (points.length === MOST_POINTS) {
      for (let k = 0; k < MOST_POINTS / 2; k++) points[k] = (points[2 * k] + points[2 * k + 1]) / 2;
      points.length = MOST_POINTS / 2;
      this.#stepsPerPoint *= 2;
    }
    points.push(loss);
    this.#stepsInLast = 1;
  }

  /** The curve as plain data. */
  toJSON(): { readonly stepsPerPoint: number; readonly losses: readonly number[] } {
    return { stepsPerPoint: this.#stepsPerPoint, losses: this.#points };
  }

  /** The curve drawn with characters, at most `columns` wide; empty while there are fewer than two points. */
  draw(columns: number, rows: number): string {
    if (this.#points.length < 2) return "";
    const format = (value: number): string => value.toFixed(3).padStart(8);
    return asciichart.plot(condense(this.#points, columns), { height: rows, format }).replace(/ +$/gm, "");
  }
}

/** Means of neighbours, so that at most `count` numbers remain. */
function condense(values: readonly number[], count: number): number[] {
  const length = Math.min(values.length, count);
  return Array.from({ length }, (_, k) => {
    const from = Math.floor((k * values.length) / length);
    const part = values.slice(from, Math.floor(((k + 1) * values.length) / length));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
