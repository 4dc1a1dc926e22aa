/** Parses schedules, in a kernel's head or by themselves. */

import { TextReader } from "../core/text-reader.ts";
import { type Operand, PLAIN, type Schedule, type Step, type Tail, type VectorSplit } from "./schedule.ts";

/** The schedule that `printSchedule` wrote; an error names the column and what was expected there. */
export function parseSchedule(text: string): Schedule {
  const reader = new TextReader(text);
  const schedule = readSchedule(reader);
  if (reader.column < reader.line().length) reader.fail('the end of the schedule, or "; " and another step');
  return schedule;
}

/** Reads the schedule at the current position of `reader`. */
export function readSchedule(reader: TextReader): Schedule {
  if (reader.accept(PLAIN)) return [];
  const steps: Step[] = [];
  do steps.push(new StepReader(reader).step());
  while (reader.accept("; "));
  return steps;
}

class StepReader {
  private readonly reader: TextReader;

  constructor(reader: TextReader) {
    this.reader = reader;
  }

  step(): Step {
    const { reader } = this;
    const start = reader.column;
    const kind = reader.match(/[a-z-]+/y, "a step of a schedule, such as unroll") as Step["kind"];
    switch (kind) {
      case "flatten":
      case "fuse-sum":
      case "unroll-window":
      case "join-phases":
      case "map-to-threads":
        return { kind };
      case "reorder":
      case "reorder-sum":
        return { kind, loops: this.loops() };
      case "unroll":
        return { kind, loop: this.loop(), by: this.after(" by ") };
      case "vectorize": {
        const split = this.split();
        return reader.accept(" in ") ? { kind, ...split, section: this.count() } : { kind, ...split };
      }
      case "cache":
        return this.cache();
      case "clear":
        return { kind, lanes: this.after(" by ") };
      case "statistics":
        return { kind, vectors: this.after(" by "), lanes: this.after("x") };
      case "accumulate": {
        const step = { kind, loop: this.loop(), lanes: this.after(" by ") };
        return reader.accept(" over") ? { ...step, over: this.loop() } : step;
      }
      case "compact": {
        const step = { kind, operand: this.operand() };
        return reader.accept(" with partial sums") ? { ...step, partialSums: true } : step;
      }
      case "winograd":
        return this.winograd();
      case "phases":
        reader.word(" of");
        return { kind, loops: this.loops() };
      case "phase":
        return { kind, number: this.after(" ") };
      case "part":
        return { kind, name: this.loop() };
      case "parallelize":
        return { kind, loops: this.loops(), threads: this.after(" among ") };
      default:
        kind satisfies never;
        return reader.failAt(start, "a step of a schedule, such as unroll");
    }
  }

  private cache(): Step {
    const operand = this.operand();
    this.reader.word(" as");
    const layout: string[][] = [];
    for (let part = this.part(); part !== undefined; part = this.part()) layout.push(part.split("+"));
    const step = { kind: "cache", operand, layout } as const;
    return this.reader.accept(" of") ? { ...step, tiles: this.split() } : step;
  }

  private winograd(): Step {
    this.reader.word(" F");
    const [, ...sizes] =
      this.reader.find(/\((\d+)x(\d+), (\d+)x(\d+)\)/y) ?? this.reader.fail("a form such as (4x4, 3x3)");
    const [rows, columns, tapRows, tapColumns] = sizes.map(Number);
    this.reader.word(" over ");
    return {
      kind: "winograd",
      over: this.reader.match(/places|taps/y, '"places" or "taps"') as "places" | "taps",
      outputs: [rows, columns],
      taps: [tapRows, tapColumns],
      images: this.after(", images "),
      groups: this.after(", groups "),
      rows: this.after(", tiles "),
      vectors: this.after("x"),
      lanes: this.after("x"),
    };
  }

  private split(): VectorSplit {
    const loop = this.loop();
    const vectors = this.after(" by ");
    const lanes = this.after("x");
    return {
      loop,
      vectors,
      lanes,
      tail: this.reader
        .match(/ (padded|shifted|peeled)/y, "a tail: padded, shifted or peeled")
        .trim() as Tail,
    };
  }

  private operand(): Operand {
    return this.reader.match(/ (left|right)/y, "a factor: left or right").trim() as Operand;
  }

  private loop(): string {
    return this.reader.match(/ [A-Za-z_]\w*/y, "the name of a loop").trim();
  }

  /** All names up to a word that is not one. */
  private loops(): string[] {
    const loops = [this.loop()];
    for (let next = this.part(); next !== undefined; next = this.part()) loops.push(next);
    return loops;
  }

  /** The next name, or names joined by `+`. Words that continue a step are never names of loops. */
  private part(): string | undefined {
    return this.reader.find(/ (?!of |among )([A-Za-z_]\w*(?:\+[A-Za-z_]\w*)*)/y)?.[1];
  }

  private after(word: string): number {
    this.reader.word(word);
    return this.count();
  }

  private count(): number {
    return Number(this.reader.match(/\d{1,9}/y, "a number"));
  }
}
