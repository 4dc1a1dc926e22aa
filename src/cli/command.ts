/**
 * Defines a command of `kiln`: its description as data, from which the parser, the help text and the messages about
 * wrong options are made.
 */

import { parseArgs } from "node:util";
import { KilnError } from "../core/errors.ts";
import { suggestion } from "../core/suggestion.ts";
import { columnsOf } from "./terminal.ts";

/** One option as it is documented and parsed. */
export interface Option {
  readonly name: string;
  /** The placeholder for the value in the help text; absent for a switch. */
  readonly value?: string;
  readonly doc: string;
  /** The default, as the help text shows it. */
  readonly default?: string;
  /** Whether it may be given several times. */
  readonly repeatable?: boolean;
}

/** A parsed command line: every value is still the text that was typed. */
export class Arguments {
  readonly operands: readonly string[];
  private readonly values: ReadonlyMap<string, readonly string[]>;

  constructor(operands: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.operands = operands;
    this.values = values;
  }

  /** Whether the switch or option was given. */
  has(name: string): boolean {
    return this.values.has(name);
  }

  /** The text given for an option. */
  get(name: string): string | undefined {
    return this.values.get(name)?.at(-1);
  }

  /** All texts given for a repeatable option. */
  all(name: string): readonly string[] {
    return this.values.get(name) ?? [];
  }
}

export interface Command {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** The operands after the command's name, such as `["MODEL"]`. */
  readonly operands: readonly { readonly name: string; readonly doc: string; readonly optional?: true }[];
  readonly options: readonly Option[];
  /** Paragraphs below the options. */
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
  run(given: Arguments, root: URL): Promise<void>;
}

const HELP: Option = { name: "help", doc: "show this text" };

/** Parses what was typed after the command's name. Throws for unknown, missing and repeated parts. */
export function parseCommand(command: Command, argv: readonly string[]): Arguments {
  const options = [...command.options, HELP];
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: {
      ...Object.fromEntries(options.map(({ name, value }) => [name, { type: value ? "string" : "boolean" }])),
      help: { type: "boolean", short: "h" },
    },
  });
  const operands: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const option = options.find(({ name }) => name === token.name);
    if (option === undefined) throw unknownOption(command, token.rawName);
    const before = values.get(option.name) ?? [];
    if (before.length > 0 && !option.repeatable) throw new KilnError(`--${option.name} is given twice`);
    values.set(option.name, [...before, givenValue(option, token.value)]);
  }
  const given = new Arguments(operands, values);
  if (!given.has("help")) checkOperands(command, operands);
  return given;
}

function givenValue({ name, value }: Option, given: string | undefined): string {
  if (value === undefined) {
    if (given !== undefined) throw new KilnError(`--${name} takes no value, but is given "${given}"`);
    return "";
  }
  if (given === undefined || given === "") throw new KilnError(`--${name} needs a value: --${name} ${value}`);
  return given;
}

function unknownOption(command: Command, given: string): KilnError {
  const names = command.options.map(({ name }) => `--${name}`);
  return new KilnError(
    `kiln ${command.name} has no option ${given}${suggestion(given, names)}; its options are ` +
      (names.length === 0 ? "--help" : `${names.join(", ")} and --help`),
  );
}

function checkOperands({ name, operands }: Command, given: readonly string[]): void {
  const missing = operands[given.length];
  if (missing !== undefined && !missing.optional) {
    throw new KilnError(`kiln ${name} needs a ${missing.name}: ${missing.doc}`);
  }
  const extra = given[operands.length];
  if (extra !== undefined) throw new KilnError(`kiln ${name} does not know what to do with "${extra}"`);
}

const operandText = ({ name, optional }: Command["operands"][number]): string =>
  optional ? `[${name}]` : name;

/** The help text of one command. */
export function helpText(command: Command): string {
  const { name, summary, operands, options, notes = [], examples } = command;
  const usage = ["kiln", name, ...operands.map(operandText), "[options]"].join(" ");
  const rows = [...options, HELP].map((option): readonly [string, string] => [
    `--${option.name}${option.value === undefined ? "" : ` ${option.value}`}`,
    `${option.doc}${option.default === undefined ? "" : ` (default: ${option.default})`}`,
  ]);
  return [
    `${usage}\n\n${summary}`,
    ...(operands.length === 0 ? [] : [table(operands.map((operand) => [operand.name, operand.doc]))]),
    `Options\n${table(rows)}`,
    ...notes.map((note) => wrap(note, 0)),
    `${examples.length === 1 ? "Example" : "Examples"}\n${examples.map((line) => `  ${line}`).join("\n")}`,
  ].join("\n\n");
}

/** The maximum width of the first column: wider entries have their text below them. */
const WIDEST_LEFT = 30;

/** Two columns, the second one wrapped. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const widths = rows.map(([left]) => left.length).filter((width) => width <= WIDEST_LEFT);
  const width = Math.max(0, ...widths) + 4;
  return rows
    .map(([left, right]) => {
      const text = wrap(right, width);
      return left.length <= width - 4
        ? `  ${left.padEnd(width - 2)}${text}`
        : `  ${wrap(left, 2)}\n${" ".repeat(width)}${text}`;
    })
    .join("\n");
}

/** The maximum width of lines, less on a narrower terminal. */
const LINE_WIDTH = 100;

const lineWidth = (): number => Math.min(LINE_WIDTH, columnsOf(process.stdout));

/** Breaks `text` into lines; all but the first are indented by `indent`. */
function wrap(text: string, indent: number): string {
  const most = lineWidth();
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > most) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}
