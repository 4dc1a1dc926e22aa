/** Tables in CSV as training data: which columns are read, and their meaning for a model. */

import { describeValue } from "../../core/describe-value.ts";
import { KilnError } from "../../core/errors.ts";
import { formatShape, type Shape, sameShape, sizeOf } from "../../core/shape.ts";
import { kindOfColumn } from "../../data/column-encoding.ts";
import { isFolder } from "../../data/file.ts";
import {
  type ColumnKind,
  type CsvOptions,
  readCsv,
  type Table,
  TableEncoding,
  type TableEncodingOptions,
  TensorDataset,
} from "../../data/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { ModelFile } from "../model-file.ts";
import { type Lesson, lessonFor } from "./model-outputs.ts";
import { type DataRequest, TEST_SHARE, type TrainingData } from "./training-data.ts";

/** What a model file may export as `table`: how its table is read, and what is predicted from what. */
type TableOptions = Partial<TableEncodingOptions> & CsvOptions;

/** The two files of a folder that has a test set of its own. */
export const TABLE_FILES = ["train.csv", "test.csv"] as const;

/** The rows of a file, or of train.csv and test.csv in a folder, as samples for the model. */
export async function tableData(source: string, request: DataRequest): Promise<TrainingData> {
  const { file, batchSize } = request;
  const { target, inputs, kinds, standardize, ...csv } = tableOptions(file);
  const [train, test, where] = await readRows(source, csv, request.seed);
  const targets = [target ?? train.columns[train.columns.length - 1]].flat();
  const lesson = lessonFor(file, batchSize, targets.length);
  const [{ dtype, shape }] = file.inputs;
  const inputNames = inputs ?? train.columns.filter((name) => !targets.includes(name));
  const ofInputs: ColumnKind | undefined = dtype === "int32" ? "category" : undefined;
  const encoding = new TableEncoding(train, {
    target: targets,
    inputs: inputNames,
    kinds: {
      ...(ofInputs && Object.fromEntries(inputNames.map((name) => [name, ofInputs]))),
      ...Object.fromEntries(targets.map((name) => [name, targetKind(train, name, lesson)])),
      ...kinds,
    },
    ...(standardize !== undefined && { standardize }),
  });
  checkClasses(encoding, lesson, file, train);
  const samples = (table: Table): TensorDataset<[Tensor, Tensor]> => {
    const x = dtype === "int32" ? encoding.categories(table) : encoding.features(table);
    if (!sameShape(x.shape.slice(1), shape.slice(1))) throw misfit(encoding, table, x.shape, file);
    return new TensorDataset(x, targetsOf(encoding, table, lesson, file));
  };
  return {
    train: samples(train),
    test: samples(test),
    source,
    loss: lesson.loss,
    encoding: { inputs: encoding.inputs, targets: encoding.targets },
    note: `${train.length} training and ${test.length} test rows of ${where}; ${describe(encoding, lesson, standardize ?? true)}.`,
  };
}

function tableOptions({ path, exported = {} }: ModelFile): TableOptions {
  const { table = {} } = exported;
  if (typeof table === "object" && table !== null && !Array.isArray(table)) return table as TableOptions;
  throw new KilnError(
    `${path}'s table must be an object such as { target: "price", inputs: ["rooms", "age"] }, not ${describeValue(table)}`,
  );
}

async function readRows(source: string, csv: CsvOptions, seed: number): Promise<[Table, Table, string]> {
  const options = { ...csv, ...(source.endsWith(".tsv") && { delimiter: "\t" }) };
  if (await isFolder(source)) {
    const [train, test] = TABLE_FILES.map((name) => `${source}/${name}`);
    return [await readCsv(train, options), await readCsv(test, options), source];
  }
  const all = await readCsv(source, options);
  const [train, test] = all.randomSplit([1 - TEST_SHARE, TEST_SHARE], { seed });
  if (test.length > 0) return [train, test, `${source}, split at random`];
  throw new KilnError(`${source} has 1 row, too few to split into a training and a test set`);
}

/**
 * Losses that take classes need a column's categories; others
 * its numbers, or the two categories that 0 and 1 stand for.
 */
const targetKind = (train: Table, name: string, { target }: Lesson): ColumnKind =>
  target.dtype === "int32" ? "category" : kindOfColumn(train, name);

function checkClasses(encoding: TableEncoding, lesson: Lesson, file: ModelFile, { name }: Table): void {
  const { classNames } = encoding;
  if (classNames === undefined) return;
  const { output, loss, target } = lesson;
  const found = `the column ${encoding.targets[0].name} of ${name} has ${classNames.length} classes`;
  if (target.dtype === "int32") {
    if (classNames.length <= output.shape[1]) return;
    throw new KilnError(
      `${found}, but ${file.path} gives scores of ${output.shape[1]}: ${formatShape(output.shape)}`,
    );
  }
  if (classNames.length === 2) return;
  throw new KilnError(
    `${found}, but the ${loss.constructor.name} of ${file.path} wants numbers, or one of two classes`,
  );
}

/** The targets in the shape that the loss needs; of two classes the second one is 1. */
function targetsOf(encoding: TableEncoding, table: Table, { target, loss }: Lesson, file: ModelFile): Tensor {
  const given = encoding.target(table);
  const wanted = target.shape.slice(1);
  const targets = given.dtype === target.dtype ? given : given.float();
  if (sizeOf(targets.shape.slice(1)) === sizeOf(wanted)) return targets.reshape([table.length, ...wanted]);
  throw new KilnError(
    `the data and the model do not fit: ${targets.shape[1] ?? 1} columns of ${table.name} are to be predicted, but the ` +
      `${loss.constructor.name} of ${file.path} compares its output with ${target.dtype}${formatShape(target.shape)}`,
  );
}

function misfit(
  { inputs }: TableEncoding,
  table: Table,
  [, ...found]: Shape,
  { path, inputs: specs }: ModelFile,
): KilnError {
  const columns = inputs.map((column) =>
    column.kind === "number" ? column.name : `${column.name} (${column.values.length} categories)`,
  );
  return new KilnError(
    `the data and the model do not fit: the columns ${columns.join(", ")} of ${table.name} make ${formatShape(found)} of a row, ` +
      `but ${path} takes ${formatShape(specs[0].shape.slice(1))} (its inputs without the batch)`,
  );
}

/** `price from 3 columns, numbers standardised by the training rows, learned with MSELoss` */
function describe({ inputs, targets }: TableEncoding, { loss }: Lesson, standardize: boolean): string {
  const scaled = standardize && inputs.some(({ kind }) => kind === "number");
  return [
    `${targets.map(({ name }) => name).join(", ")} from ${inputs.length} ${inputs.length === 1 ? "column" : "columns"}`,
    ...(scaled ? ["numbers standardised by the training rows"] : []),
    `learned with ${loss.constructor.name}`,
  ].join(", ");
}
