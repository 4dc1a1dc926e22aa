/** A place in a text that is read line by line: what the parsers of graphs and of kernels share. Faults name line and column. */

import { type DType, dtypeFromShortName } from "./dtype.ts";
import { KilnError } from "./errors.ts";
import { isLayout, type Layout } from "./layout.ts";
import type { Origin } from "./origin.ts";
import type { Shape } from "./shape.ts";
import { parseOrigin } from "./spelling.ts";

export class TextReader {
  readonly lines: readonly string[];
  row = 0;
  column = 0;

  constructor(text: string) {
    this.lines = text.split(/\r?\n/);
  }

  /** What `body` reads. Code that fails on what no check has refused is a fault of the line that it reads. */
  guarded<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (error instanceof KilnError) throw error;
      const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
      return this.refuse(0, `this cannot be read: ${why}`);
    }
  }

  line(): string {
    return this.lines[this.row] ?? "";
  }

  atEnd(): boolean {
    return this.row >= this.lines.length;
  }

  blanks(): void {
    while (this.line()[this.column] === " ") this.column++;
  }

  /** Takes `text` if it comes next. */
  accept(text: string): boolean {
    if (!this.line().startsWith(text, this.column)) return false;
    this.column += text.length;
    return true;
  }

  word(text: string): void {
    if (!this.accept(text)) this.fail(JSON.stringify(text.trim()));
  }

  /** Consumes the match of a sticky `pattern` here; `undefined` if there is none. */
  find(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.column;
    const found = pattern.exec(this.line());
    if (found === null) return undefined;
    this.column += found[0].length;
    return found;
  }

  match(pattern: RegExp, expected: string): string {
    return (this.find(pattern) ?? this.fail(expected))[0];
  }

  /** Items with commas between them, up to `close`. */
  separated(close: string, item: () => void): void {
    if (this.accept(close)) return;
    do item();
    while (this.accept(", "));
    this.word(close);
  }

  name(): string {
    if (this.line()[this.column] === '"') return this.quoted();
    return this.match(/\s*[A-Za-z_][\w.]*/y, "a name").trim();
  }

  quoted(): string {
    const start = this.column;
    const text = this.match(/"(?:[^"\\]|\\.)*"/y, "a quoted string");
    try {
      return JSON.parse(text) as string;
    } catch {
      return this.failAt(start, "a quoted string", `${text} is not one`);
    }
  }

  /** A type such as `f32[2,3]`. */
  type(): { readonly dtype: DType; readonly shape: Shape } {
    const start = this.column;
    const dtype = dtypeFromShortName(this.match(/\w+/y, "a type such as f32[2,3]"));
    if (dtype === undefined) return this.failAt(start, "one of f32, i32, bool, u8");
    const shape = this.list();
    if (shape.some((extent) => !Number.isInteger(extent) || extent < 0)) {
      return this.failAt(start, "extents that are whole numbers", `${shape} are not`);
    }
    return { dtype, shape };
  }

  /** The order of a value's axes in memory, such as `[0,2,3,1]`. */
  layout({ length: rank }: Shape): Layout {
    const start = this.column;
    const layout = this.list();
    return isLayout(layout, rank)
      ? layout
      : this.failAt(start, `the axes 0 to ${rank - 1} in some order`, `found ${layout}`);
  }

  list(): number[] {
    const text = this.match(/\[[-\d.,einfa+]*\]/y, "a list such as [2,3]").slice(1, -1);
    return text === "" ? [] : text.split(",").map(Number);
  }

  /** Places in the model, up to the end of the line. */
  origins(): Origin[] {
    const text = this.match(/.+/y, "an origin such as lenet.ts:14 conv1");
    return text
      .split(", ")
      .map((part) => parseOrigin(part) ?? this.fail("an origin such as lenet.ts:14 conv1"));
  }

  fail(expected: string): never {
    return this.failAt(this.column, expected);
  }

  failAt(column: number, expected: string, found?: string): never {
    const rest = this.line().slice(column, column + 24);
    const what = found ?? (rest === "" ? "found the end" : `found ${JSON.stringify(rest)}`);
    return this.refuse(column, `expected ${expected}, but ${what}`);
  }

  /** Says what is wrong at a column of the current line. */
  refuse(column: number, why: string): never {
    throw new KilnError(`line ${this.row + 1}, column ${column + 1}: ${why}`);
  }
}
