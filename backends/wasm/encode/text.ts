/** The text form of functions, in the folded WebAssembly text format: a dump shows what was encoded. */

import type { Instruction, Local } from "./instructions.ts";
import type { WasmFunction } from "./module.ts";

/** Lines longer than this are broken between operands. */
const WIDTH = 110;

/** One function with its comments. */
export function printFunction(f: WasmFunction): string {
  const header = [
    `func $${f.name}`,
    ...(f.exported ? [`(export "${f.name}")`] : []),
    ...f.parameters.map(({ name, type }) => `(param $${name} ${type})`),
    ...f.results.map((type) => `(result ${type})`),
  ].join(" ");
  return [
    ...(f.comments ?? []).map((line) => `;; ${line}`),
    `(${header}`,
    ...declarations(f.locals),
    ...printBody(f.body, "  "),
    ")",
  ].join("\n");
}

/** Locals by type, as many on a line as fit. */
function declarations(locals: readonly Local[]): string[] {
  const lines: string[] = [];
  for (const type of new Set(locals.map((local) => local.type))) {
    let line = "";
    for (const { name } of locals.filter((local) => local.type === type)) {
      const declaration = `  (local $${name} ${type})`;
      if (line.length + declaration.length > WIDTH) {
        lines.push(line);
        line = "";
      }
      line += line === "" ? declaration : declaration.slice(1);
    }
    lines.push(line);
  }
  return lines;
}

function printBody(body: readonly Instruction[], indent: string): string[] {
  return body.flatMap((e) => print(e, indent));
}

/** An instruction with its operands, on one line if it fits. */
function print(e: Instruction, indent: string): string[] {
  if (e.kind === "comment") return [`${indent};; ${e.text}`];
  const deeper = `${indent}  `;
  if (e.kind === "block" || e.kind === "loop") {
    return [`${indent}(${e.kind} $${e.label}`, ...printBody(e.body, deeper), `${indent})`];
  }
  if (e.kind === "sequence") return printBody([...e.body, e.value], indent);
  const head = headOf(e);
  const flat = flatten(e, WIDTH - indent.length);
  if (flat !== undefined) return [indent + flat];
  if (e.kind === "if") {
    return [
      `${indent}(${head}`,
      ...print(e.condition, deeper),
      `${deeper}(then`,
      ...printBody(e.body, `${deeper}  `),
      `${deeper})`,
      ...(e.otherwise.length === 0
        ? []
        : [`${deeper}(else`, ...printBody(e.otherwise, `${deeper}  `), `${deeper})`]),
      `${indent})`,
    ];
  }
  const lines = [`${indent}(${head}`, ...operandsOf(e).flatMap((operand) => print(operand, deeper))];
  lines[lines.length - 1] += ")";
  return lines;
}

/** The whole tree on one line; `undefined` for what never fits one line or is longer than `room`. */
function flatten(e: Instruction, room: number): string | undefined {
  if (e.kind === "comment" || e.kind === "block" || e.kind === "loop" || e.kind === "sequence")
    return undefined;
  if (e.kind === "if" && e.type === "none") return undefined;
  let text = `(${headOf(e)}`;
  for (const { before, part, after } of partsOf(e)) {
    // Stops as soon as it does not fit: otherwise each line of a deep tree would walk all that is below it.
    const flat = flatten(part, room - text.length - before.length - after.length - 1);
    if (flat === undefined) return undefined;
    text += before + flat + after;
  }
  return text.length < room ? `${text})` : undefined;
}

/** The operands of an instruction as they stand between its parentheses. */
const partsOf = (
  e: Instruction,
): readonly { readonly before: string; readonly part: Instruction; readonly after: string }[] =>
  e.kind === "if"
    ? [
        { before: " ", part: e.condition, after: "" },
        { before: " (then ", part: e.body[0], after: ")" },
        { before: " (else ", part: e.otherwise[0], after: ")" },
      ]
    : operandsOf(e).map((part) => ({ before: " ", part, after: "" }));

/** The operands in the order in which they are computed. */
function operandsOf(e: Instruction): readonly Instruction[] {
  switch (e.kind) {
    case "operation":
    case "atomic":
    case "memory.copy":
    case "lane":
    case "shuffle":
    case "call":
      return e.operands;
    case "load":
      return [e.address];
    case "store":
      return [e.address, e.value];
    case "set":
    case "tee":
    case "global.set":
      return [e.value];
    case "select":
      return [e.a, e.b, e.condition];
    case "branch":
      return e.condition ? [e.condition] : [];
    case "if":
      return [e.condition];
    case "sequence":
      return [...e.body, e.value];
    case "const":
    case "vector":
    case "get":
    case "global.get":
    case "block":
    case "loop":
    case "comment":
      return [];
    default:
      return e satisfies never;
  }
}

/** The name of an instruction and its immediate operands. */
function headOf(e: Instruction): string {
  switch (e.kind) {
    case "operation":
      return e.name;
    case "const":
      return `${e.type}.const ${number(e.value)}`;
    case "vector":
      return `v128.const ${e.shape} ${e.lanes.map(number).join(" ")}`;
    case "load":
    case "store":
    case "atomic":
      return e.offset === 0 ? e.name : `${e.name} offset=${e.offset}`;
    case "memory.copy":
      return e.kind;
    case "lane":
      return `${e.name} ${e.lane}`;
    case "shuffle":
      return `i8x16.shuffle ${e.lanes.join(" ")}`;
    case "get":
    case "set":
    case "tee":
      return `local.${e.kind} $${e.local.name}`;
    case "global.get":
    case "global.set":
      return `${e.kind} $${e.global}`;
    case "select":
      return e.type === "v128" ? "select (result v128)" : "select";
    case "call":
      return `call $${e.callee}`;
    case "block":
    case "loop":
      return `${e.kind} $${e.label}`;
    case "if":
      return e.type === "none" ? "if" : `if (result ${e.type})`;
    case "branch":
      return `${e.condition ? "br_if" : "br"} $${e.label}`;
    case "sequence":
      return "";
    case "comment":
      return `;; ${e.text}`;
    default:
      return e satisfies never;
  }
}

function number(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}
