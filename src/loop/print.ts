/** The text form of Loop IR kernels, as `kiln dump` shows them before and after scheduling; `parse.ts` reads it back. */

import { shortName } from "../core/dtype.ts";
import { printOrigin } from "../core/spelling.ts";
import { printSchedule } from "./schedule.ts";
import { sharedParts } from "./shared-parts.ts";
import { constantText, INFIX, printConstant, printScalar } from "./spelling.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "./types.ts";
import { ownExpressions, visitExpr, visitStatements } from "./walk.ts";

/** The names of parts of expressions that are written before the statement they belong to. */
export type PartNames = ReadonlyMap<Expr, string>;

/** An expression on one line; `level` is the binding strength of its surroundings. */
export function printExpr(e: Expr, level = 0, parts?: PartNames): string {
  return parts?.get(e) ?? printWhole(e, level, parts);
}

function printWhole(e: Expr, level: number, parts: PartNames | undefined): string {
  switch (e.kind) {
    case "const":
      return constantText(e.value, e.dtype);
    case "var":
    case "local":
      return e.name;
    case "scalar":
      return printScalar(e.name);
    case "load":
      return `${e.buffer}[${printExpr(e.index, 0, parts)}]`;
    case "unary":
      return `${e.op}(${printExpr(e.a, 0, parts)})`;
    case "binary":
    case "compare": {
      const infix = INFIX[e.op];
      if (infix === undefined) return `${e.op}(${printExpr(e.a, 0, parts)}, ${printExpr(e.b, 0, parts)})`;
      const left = e.kind === "compare" ? infix.level + 1 : infix.level;
      const text = `${printExpr(e.a, left, parts)} ${infix.sign} ${printExpr(e.b, infix.level + 1, parts)}`;
      return infix.level < level ? `(${text})` : text;
    }
    case "select":
      return `select(${printExpr(e.condition, 0, parts)}, ${printExpr(e.a, 0, parts)}, ${printExpr(e.b, 0, parts)})`;
    case "cast":
      return `${shortName(e.dtype)}(${printExpr(e.a, 0, parts)})`;
    case "reduce":
      return `${e.op}[${e.axes.map((axis) => `${axis.name}<${axis.extent}`).join(", ")}](${printExpr(e.body, 0, parts)})`;
    default:
      return e satisfies never;
  }
}

/** Statements as indented lines. */
export function printBody(body: readonly Stmt[], indent = ""): string[] {
  return body.flatMap((s): string[] => {
    const { names, lines } = sharedParts(s, (e, known) => printExpr(e, 0, known));
    const text = (e: Expr): string => printExpr(e, 0, names);
    return [...lines.map((line) => indent + line), ...printStatement(s, indent, text)];
  });
}

function printStatement(s: Stmt, indent: string, text: (e: Expr) => string): string[] {
  switch (s.kind) {
    case "for": {
      const inductions = (s.inductions ?? [])
        .map((i) => `, ${i.name} = ${text(i.init)} step ${i.step}`)
        .join("");
      return [
        `${indent}for ${s.name} in ${printExtent(s.extent)}${inductions} ${s.loop}`,
        ...printBody(s.body, `${indent}  `),
      ];
    }
    case "let":
      return [`${indent}let ${s.name} = ${text(s.value)}`];
    case "accumulator":
      return [`${indent}var ${s.name} = ${text(s.init)}${printRange(s.range)}`];
    case "assign":
      return [`${indent}${s.name} = ${text(s.value)}`];
    case "store":
      return [`${indent}${s.buffer}[${text(s.index)}] = ${text(s.value)}`];
    case "if":
      return [`${indent}if ${text(s.condition)}`, ...printBody(s.body, `${indent}  `)];
    case "append": {
      const values = s.values.map((v) => `${v.buffer} <- ${text(v.value)}`).join(", ");
      return [
        `${indent}append ${values} at ${text(s.base)} + ${s.count} below ${s.capacity} when ${text(s.condition)}`,
      ];
    }
    case "section":
      return [`${indent}section ${s.name}`, ...printBody(s.body, `${indent}  `)];
    default:
      return s satisfies never;
  }
}

function printExtent(extent: Extract<Stmt, { kind: "for" }>["extent"]): string {
  if (typeof extent === "number") return `${extent}`;
  const usual = extent.usual === undefined ? "" : `, usually ${extent.usual}`;
  return `${extent.count} (at most ${extent.most}${usual})`;
}

const printRange = (range: readonly [number, number] | undefined): string =>
  range === undefined ? "" : ` in ${range[0]}..${range[1]}`;

/** Cached texts of kernels: most stages leave most of them unchanged. */
const texts = new WeakMap<Kernel, string>();

/** A whole kernel with its buffers, schedule and the model lines it came from. */
export function printKernel(kernel: Kernel): string {
  const known = texts.get(kernel);
  if (known !== undefined) return known;
  const text = printedKernel(kernel);
  texts.set(kernel, text);
  return text;
}

function printedKernel(kernel: Kernel): string {
  const { name, ops, origins, schedule, estimate, estimatedGflops, threads } = kernel;
  const gflops = estimatedGflops === undefined ? "" : `, ${printConstant(estimatedGflops, true)} GFLOP/s`;
  const types = scalarTypes(kernel);
  return [
    `kernel ${name}${origins.length === 0 ? "" : `   at ${origins.map(printOrigin).join(", ")}`}`,
    ...(ops.length === 0 ? [] : [`  ops ${ops.join(", ")}`]),
    `  flops ${kernel.nominalFlops}`,
    ...(schedule === undefined ? [] : [`  schedule ${printSchedule(schedule)}`]),
    ...(estimate === undefined ? [] : [`  estimate ${estimate} multiply-adds${gflops}`]),
    ...(threads === undefined ? [] : [`  threads ${threads}`]),
    ...kernel.buffers.map(printParam),
    ...kernel.scalars.map((scalar) => `  scalar ${printScalar(scalar)}${types.get(scalar) ?? ""}`),
    ...printBody(kernel.body, "  "),
  ].join("\n");
}

function printParam({ name, dtype, length, access, range, private: isPrivate, value }: BufferParam): string {
  const type = `${shortName(dtype)}[${length}]${printRange(range)}${isPrivate ? " private" : ""}`;
  return `  ${access} ${name}: ${type}${value === undefined ? "" : `  # ${value}`}`;
}

/** The types of the scalars that a kernel reads, as they follow their names. */
function scalarTypes({ scalars, body }: Kernel): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  if (scalars.length === 0) return types;
  const seen = new Set<Expr>();
  visitStatements(body, (s) => {
    for (const e of ownExpressions(s))
      visitExpr(
        e,
        (node) => {
          if (node.kind === "scalar") types.set(node.name, `: ${shortName(node.dtype)}`);
        },
        seen,
      );
  });
  return types;
}

/** The cost model's estimate for a scheduled kernel, in words. */
export const formatEstimate = ({ estimate = 0, estimatedGflops = 0 }: Kernel): string =>
  `${estimate} multiply-adds, ${estimatedGflops.toFixed(1)} GFLOP/s`;
