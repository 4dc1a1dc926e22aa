/**
 * Makes tensors of a table's columns, by what the training part says of them: its categories, and its means and
 * deviations.
 */

import { describeValue } from "../core/describe-value.ts";
import { allocate, type DType } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { Tensor } from "../tensor/index.ts";
import { checkFlag } from "./arguments.ts";
import {
  type ColumnEncoding,
  type ColumnKind,
  encodeCategories,
  encodeNumbers,
  fitCategories,
  fitNumbers,
  kindOfColumn,
  type NumberColumn,
} from "./column-encoding.ts";
import { Table } from "./table.ts";
import { TensorDataset } from "./tensor-dataset.ts";

/** Options of {@link TableEncoding}. */
export interface TableEncodingOptions {
  /** The column to be predicted, or the columns, where these are numbers. */
  readonly target: string | readonly string[];
  /** The columns that it is predicted from (default: all others). */
  readonly inputs?: readonly string[];
  /** The kind of each column: by default numbers if all of its texts are numbers, categories if none is. */
  readonly kinds?: Readonly<Record<string, ColumnKind>>;
  /** Whether numbers among the inputs become `(value - mean) / std` (default: true). */
  readonly standardize?: boolean;
}

const OPTION_NAMES = {
  target: true,
  inputs: true,
  kinds: true,
  standardize: true,
} satisfies OptionNames<TableEncodingOptions>;

/**
 * `new data.TableEncoding(trainRows, { target: "price" })` learns a column's categories from the given rows or, if it
 * standardises, its mean and (biased) standard deviation, and encodes any rows by these: an evaluation on test rows has
 * then seen nothing of them.
 */
export class TableEncoding {
  /** The columns of the inputs. */
  readonly inputs: readonly ColumnEncoding[];
  /** The columns to be predicted: one of categories, or any number of numbers. */
  readonly targets: readonly ColumnEncoding[];

  constructor(table: Table, options: TableEncodingOptions) {
    checkTable("TableEncoding", table);
    checkOptionNames("TableEncoding", options, OPTION_NAMES);
    const { standardize = true, kinds = {} } = options;
    checkFlag("TableEncoding", "standardize", standardize);
    const targets = namesOf("target", [options.target].flat());
    const others = table.columns.filter((name) => !targets.includes(name));
    const inputs = namesOf("inputs", options.inputs ?? others);
    const both = inputs.find((name) => targets.includes(name));
    if (both !== undefined) {
      throw new KilnError(
        `TableEncoding has ${both} among the inputs and as a target: there would be nothing to predict`,
      );
    }
    checkKinds(kinds, table);
    const encodingOf = (name: string, scaled: boolean): ColumnEncoding =>
      (kinds[name] ?? kindOfColumn(table, name)) === "number"
        ? fitNumbers(table, name, scaled)
        : fitCategories(table, name);
    this.inputs = inputs.map((name) => encodingOf(name, standardize));
    this.targets = targets.map((name) => encodingOf(name, false));
    const category = this.targets.find(({ kind }) => kind === "category");
    if (category !== undefined && targets.length > 1) {
      throw new KilnError(
        `TableEncoding predicts one column of categories or several of numbers, and of ${targets.join(", ")} the column ` +
          `${category.name} has categories`,
      );
    }
  }

  /** The names of the classes, in the order of their numbers; none if the targets are numbers. */
  get classNames(): readonly string[] | undefined {
    const [target] = this.targets;
    return target.kind === "category" ? target.values : undefined;
  }

  /** The number of columns of `features`. */
  get width(): number {
    return this.inputs.reduce((sum, column) => sum + widthOf(column), 0);
  }

  /** float32 `[rows, width]`: the inputs in their order, each category as a one among zeros. */
  features(table: Table): Tensor {
    checkTable("features", table);
    const { width } = this;
    const data = new Float32Array(table.length * width);
    let begin = 0;
    for (const column of this.inputs) {
      if (column.kind === "number") {
        for (const [row, value] of encodeNumbers(table, column).entries()) data[row * width + begin] = value;
      } else {
        for (const [row, place] of encodeCategories(table, column).entries())
          data[row * width + begin + place] = 1;
      }
      begin += widthOf(column);
    }
    return Tensor.fromData(data, [table.length, width], "float32");
  }

  /** float32 `[rows, numbers]`: those inputs that are numbers. */
  numbers(table: Table): Tensor {
    checkTable("numbers", table);
    const columns = this.inputs.filter((column) => column.kind === "number");
    const values = columns.map((column) => encodeNumbers(table, column));
    return sideBySide(values, table.length, "float32");
  }

  /** int32 `[rows, categories]`: the places of those inputs that are categories, for embeddings of them. */
  categories(table: Table): Tensor {
    checkTable("categories", table);
    const columns = this.inputs.filter((column) => column.kind === "category");
    const values = columns.map((column) => encodeCategories(table, column));
    return sideBySide(values, table.length, "int32");
  }

  /** What is to be predicted: classes, int32 `[rows]`, or numbers, float32 `[rows, targets]`. */
  target(table: Table): Tensor {
    checkTable("target", table);
    const { length } = table;
    const [first] = this.targets;
    if (first.kind === "category") {
      return Tensor.fromData(Int32Array.from(encodeCategories(table, first)), [length], "int32");
    }
    const columns = this.targets as readonly NumberColumn[];
    const values = columns.map((column) => encodeNumbers(table, column));
    return sideBySide(values, length, "float32");
  }

  /** The rows of `table` as samples: `features` and `target`. */
  dataset(table: Table): TensorDataset<[Tensor, Tensor]> {
    return new TensorDataset(this.features(table), this.target(table));
  }
}

const widthOf = (column: ColumnEncoding): number => (column.kind === "number" ? 1 : column.values.length);

/** Columns as one tensor `[rows, columns]`. */
function sideBySide(columns: readonly (readonly number[])[], rows: number, dtype: DType): Tensor {
  const data = allocate(dtype, rows * columns.length);
  for (const [k, column] of columns.entries()) {
    for (const [row, value] of column.entries()) data[row * columns.length + k] = value;
  }
  return Tensor.fromData(data, [rows, columns.length], dtype);
}

function checkTable(callee: string, table: unknown): void {
  if (table instanceof Table) return;
  throw new KilnError(
    `${callee} takes a table, such as await data.readCsv(path), not ${describeValue(table)}`,
  );
}

function namesOf(option: string, given: unknown): readonly string[] {
  const names: unknown[] = Array.isArray(given) ? given : [];
  if (names.length === 0 || names.some((name) => typeof name !== "string")) {
    const found = Array.isArray(given) && given.length > 0 ? "other values" : "no column";
    throw new KilnError(`TableEncoding takes names of columns as ${option}, and has ${found}`);
  }
  const twice = names.find((name, k) => names.indexOf(name) < k);
  if (twice !== undefined) throw new KilnError(`TableEncoding has the column ${twice} twice in ${option}`);
  return names as string[];
}

function checkKinds(kinds: TableEncodingOptions["kinds"], table: Table): void {
  if (typeof kinds !== "object" || kinds === null) {
    throw new KilnError(
      `TableEncoding takes kinds as an object such as { size: "number" }, not ${describeValue(kinds)}`,
    );
  }
  for (const [name, kind] of Object.entries(kinds)) {
    table.column(name);
    if (kind === "number" || kind === "category") continue;
    throw new KilnError(
      `TableEncoding has kinds "number" and "category", not ${describeValue(kind)} for the column ${name}`,
    );
  }
}
