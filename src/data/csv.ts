/**
 * Reads tables in CSV (RFC 4180), from a file or a text. The parser is Papa Parse; anything that is not a table becomes
 * one error here.
 */

import Papa from "papaparse";
import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { readText } from "../files/read.ts";
import { checkText } from "./arguments.ts";
import { Table } from "./table.ts";

/** Options of {@link readCsv} and {@link parseCsv}. */
export interface CsvOptions {
  /** The separator of values, `","` by default. */
  readonly delimiter?: string;
  /** The names of the columns, for a file without a header. */
  readonly columns?: readonly string[];
  /** The name of the table in messages: the file's path, or `"the table"` by default. */
  readonly name?: string;
}

const OPTION_NAMES = { delimiter: true, columns: true, name: true } satisfies OptionNames<CsvOptions>;

/** A text cannot be longer than this on every engine. */
const MOST_BYTES = 2 ** 28;

/** `await data.readCsv("houses.csv")`: the table in a file, as {@link parseCsv} reads it. */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<Table> {
  checkText("readCsv", "the path of a file", path);
  checkOptionNames("readCsv", options, OPTION_NAMES);
  return parseCsv(await readText(path, MOST_BYTES), { name: path, ...options });
}

/**
 * The table in a CSV text. Its first line has the names of the columns, unless `columns` gives them. Spaces around
 * values and empty lines are ignored. Throws if a row has more or fewer values than there are columns, if a quote is
 * not closed, and if there is no row.
 */
export function parseCsv(text: string, options: CsvOptions = {}): Table {
  if (typeof text !== "string") throw new KilnError(`parseCsv reads a text, not ${describeValue(text)}`);
  checkOptionNames("parseCsv", options, OPTION_NAMES);
  const { delimiter = ",", name = "the table" } = options;
  if (typeof delimiter !== "string" || delimiter.length !== 1 || /["\r\n]/.test(delimiter)) {
    throw new KilnError(
      `a CSV's delimiter is one character such as "," or ";", not ${describeValue(delimiter)}`,
    );
  }
  const records = recordsOf(text.replace(/\r\n?/g, "\n"), delimiter, name);
  const columns = columnsOf(options.columns ?? records[0]?.cells ?? [], name);
  const rows = options.columns === undefined ? records.slice(1) : records;
  if (rows.length === 0) throw new KilnError(`${name} has no rows`);
  for (const { cells, line } of rows) {
    if (cells.length === columns.length) continue;
    throw new KilnError(
      `${name} has ${cells.length} values in line ${line}, where its ${columns.length} columns want ${columns.length}: ` +
        `the columns are ${columns.join(", ")}`,
    );
  }
  return new Table({
    columns,
    cells: rows.map(({ cells }) => cells),
    lines: rows.map(({ line }) => line),
    name,
  });
}

interface CsvRecord {
  readonly cells: readonly string[];
  /** The line where it begins, counted from 1. */
  readonly line: number;
}

/** The records of a text, the header among them, but not its empty lines. */
function recordsOf(text: string, delimiter: string, name: string): CsvRecord[] {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter, newline: "\n" });
  let line = 1;
  const records = data.map((cells) => {
    const record = { cells: cells.map((cell) => cell.trim()), line };
    line += cells.reduce((sum, cell) => sum + cell.split("\n").length - 1, 1);
    return record;
  });
  const [error] = errors;
  if (error !== undefined) {
    const { line: place } = records[Math.min(error.row ?? 0, records.length - 1)] ?? { line: 1 };
    throw new KilnError(
      `${name} is not a valid CSV: in line ${place}, ${error.message[0].toLowerCase()}${error.message.slice(1)}`,
    );
  }
  return records.filter(({ cells }) => cells.length > 1 || cells[0] !== "");
}

function columnsOf(given: readonly string[], name: string): readonly string[] {
  if (!(Array.isArray(given) && given.every((column) => typeof column === "string"))) {
    throw new KilnError(`a CSV's columns are a list of names, not ${describeValue(given)}`);
  }
  if (given.length === 0)
    throw new KilnError(`${name} is empty: a table begins with the names of its columns`);
  const empty = given.indexOf("");
  if (empty >= 0) throw new KilnError(`${name} has no name for column ${empty + 1}`);
  const twice = given.find((column, k) => given.indexOf(column) < k);
  if (twice !== undefined) throw new KilnError(`${name} has two columns called ${twice}`);
  return [...given];
}
