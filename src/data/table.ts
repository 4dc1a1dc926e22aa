/** Tables of text, as CSV files hold them: columns by name, and rows that are still found in the file when one is at fault. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { suggestion } from "../core/suggestion.ts";
import { isNumbers } from "./arguments.ts";
import { checkIndex } from "./dataset.ts";
import { type RandomSplitOptions, randomSplit } from "./random-split.ts";

/** One row of a table: its texts by the names of their columns. */
export type TableRow = Readonly<Record<string, string>>;

/** The contents of a {@link Table}. */
export interface TableParts {
  readonly columns: readonly string[];
  /** The texts of each row, one for each column. */
  readonly cells: readonly (readonly string[])[];
  /** The line of the file that each row begins in, counted from 1. */
  readonly lines: readonly number[];
  /** The name of the table in messages, such as that of its file. */
  readonly name: string;
}

/** Rows of texts under named columns: what `readCsv` and `parseCsv` give. */
export class Table {
  /** The columns, in order. */
  readonly columns: readonly string[];
  /** Number of rows. */
  readonly length: number;
  /** Its name in messages: that of its file. */
  readonly name: string;
  readonly #cells: readonly (readonly string[])[];
  readonly #lines: readonly number[];

  constructor({ columns, cells, lines, name }: TableParts) {
    this.columns = columns;
    this.length = cells.length;
    this.name = name;
    this.#cells = cells;
    this.#lines = lines;
  }

  /** The texts of one column, from the first row to the last. */
  column(name: string): string[] {
    const place = this.#placeOf(name);
    return this.#cells.map((cells) => cells[place]);
  }

  /** Row `index`, counted from 0. */
  row(index: number): TableRow {
    checkIndex(this, index);
    return Object.fromEntries(this.columns.map((name, k) => [name, this.#cells[index][k]]));
  }

  /** The rows at these indices, in this order. */
  select(indices: ArrayLike<number>): Table {
    if (!isNumbers(indices)) {
      throw new KilnError(`Table.select takes the indices of rows, not ${describeValue(indices)}`);
    }
    const all = Array.from(indices);
    for (const index of all) checkIndex(this, index);
    return new Table({
      columns: this.columns,
      cells: all.map((index) => this.#cells[index]),
      lines: all.map((index) => this.#lines[index]),
      name: this.name,
    });
  }

  /** The rows that `keep` says true of, such as those without a gap: `table.filter((row) => row.age !== "")`. */
  filter(keep: (row: TableRow) => boolean): Table {
    if (typeof keep !== "function") {
      throw new KilnError(`Table.filter takes a function of a row, not ${describeValue(keep)}`);
    }
    return this.select(Array.from({ length: this.length }, (_, k) => k).filter((k) => keep(this.row(k))));
  }

  /** Parts that share no row and together have all of them, of lengths or fractions as `randomSplit` takes them. */
  randomSplit(lengths: readonly number[], options: RandomSplitOptions = {}): Table[] {
    const rows = { length: this.length, getItem: (index: number) => index };
    return randomSplit(rows, lengths, options).map(({ indices }) => this.select(indices));
  }

  /** The place of row `index` in the file, for messages: `line 4`. */
  place(index: number): string {
    return `line ${this.#lines[index]}`;
  }

  #placeOf(name: string): number {
    const place = this.columns.indexOf(name);
    if (place >= 0) return place;
    const wanted = typeof name === "string" ? name : describeValue(name);
    throw new KilnError(
      `${this.name} has no column ${wanted}${suggestion(wanted, this.columns)}; its columns are ${this.columns.join(", ")}`,
    );
  }
}
