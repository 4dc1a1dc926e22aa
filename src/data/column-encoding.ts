/** What the texts of one column mean, as numbers or as categories, found in the training part of a table. */

import { KilnError } from "../core/errors.ts";
import type { Table } from "./table.ts";

/** What is in a column. */
export type ColumnKind = "number" | "category";

/** A column of numbers, encoded as `(value - mean) / std`, with 0 and 1 if nothing is standardised. */
export interface NumberColumn {
  /** Which kind it is. */
  readonly kind: "number";
  /** Its name. */
  readonly name: string;
  /** What is subtracted. */
  readonly mean: number;
  /** What the difference is divided by. */
  readonly std: number;
}

/** A column of categories, encoded by their index in `values`. */
export interface CategoryColumn {
  /** Which kind it is. */
  readonly kind: "category";
  /** Its name. */
  readonly name: string;
  /** All that the training part has: in the order of numbers where all of them are, else of their characters. */
  readonly values: readonly string[];
}

/** How a column of a table becomes numbers. */
export type ColumnEncoding = NumberColumn | CategoryColumn;

/** A decimal number as people and programs write them; JavaScript would read `0x10` and the empty text, too. */
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;

const isNumber = (text: string): boolean => NUMBER.test(text) && Number.isFinite(Math.fround(Number(text)));

/** What is in column `name`: numbers where all of its texts are, categories where none is; throws for some of each. */
export function kindOfColumn(table: Table, name: string): ColumnKind {
  const texts = presentTexts(table, name);
  const numbers = texts.filter(isNumber).length;
  if (numbers === texts.length) return "number";
  if (numbers === 0) return "category";
  throw notNumbers(table, name, texts, `, or say kinds: { ${keyText(name)}: "category" }`);
}

/** The encoding of a column that holds numbers. */
export function fitNumbers(table: Table, name: string, standardize: boolean): NumberColumn {
  const values = numbersOf(table, name);
  if (!standardize) return { kind: "number", name, mean: 0, std: 1 };
  // A column of one value says nothing, and becomes 0 throughout; its deviation would be nothing but rounding.
  if (values.every((value) => value === values[0])) return { kind: "number", name, mean: values[0], std: 1 };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { kind: "number", name, mean, std: Math.sqrt(variance) };
}

/** The encoding of a column that holds categories. */
export function fitCategories(table: Table, name: string): CategoryColumn {
  const values = [...new Set(presentTexts(table, name))];
  const byNumber = values.every(isNumber);
  values.sort((a, b) => (byNumber ? Number(a) - Number(b) : 0) || (a < b ? -1 : 1));
  return { kind: "category", name, values };
}

/** The numbers of a column as its encoding has them. */
export function encodeNumbers(table: Table, { name, mean, std }: NumberColumn): number[] {
  return numbersOf(table, name).map((value) => (value - mean) / std);
}

/** The places of a column's categories among those that its encoding knows. */
export function encodeCategories(table: Table, { name, values }: CategoryColumn): number[] {
  const places = new Map(values.map((value, place) => [value, place]));
  return presentTexts(table, name).map((text, row) => {
    const place = places.get(text);
    if (place !== undefined) return place;
    throw new KilnError(
      `${table.name} has ${JSON.stringify(text)} for ${name} in ${table.place(row)}, which the rows that the encoding was ` +
        `made of do not have: they have ${listed(values)}`,
    );
  });
}

/** The texts of a column without missing values. */
function presentTexts(table: Table, name: string): string[] {
  const texts = table.column(name);
  const row = texts.indexOf("");
  if (row < 0) return texts;
  throw new KilnError(
    `${table.name} has no value for ${name} in ${table.place(row)}: fill it in, or leave such rows out, ` +
      `table.filter((row) => row[${JSON.stringify(name)}] !== "")`,
  );
}

function numbersOf(table: Table, name: string): number[] {
  const texts = presentTexts(table, name);
  if (!texts.every(isNumber)) throw notNumbers(table, name, texts, "");
  return texts.map(Number);
}

function notNumbers(table: Table, name: string, texts: readonly string[], otherwise: string): KilnError {
  const row = texts.findIndex((text) => !isNumber(text));
  return new KilnError(
    `${table.name} has ${JSON.stringify(texts[row])} for ${name} in ${table.place(row)}, where a number is expected: ` +
      `leave such rows out with table.filter${otherwise}`,
  );
}

const keyText = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

const MOST_LISTED = 8;

const listed = (values: readonly string[]): string =>
  values.length <= MOST_LISTED
    ? values.join(", ")
    : `${values.slice(0, MOST_LISTED).join(", ")} and ${values.length - MOST_LISTED} more`;
