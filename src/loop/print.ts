/** The text form of Loop IR kernels, as `kiln dump` shows them before and after scheduling. */

import { shortName } from "../core/dtype.ts";
import { formatOrigins } from "../core/origin.ts";
import type { BinaryOp, CompareOp, Expr, Kernel, Stmt } from "./types.ts";

const BINARY: Record<BinaryOp, { readonly sign: string; readonly level: number } | undefined> = {
  or: { sign: "||", level: 1 },
  and: { sign: "&&", level: 2 },
  add: { sign: "+", level: 4 },
  sub: { sign: "-", level: 4 },
  mul: { sign: "*", level: 5 },
  div: { sign: "/", level: 5 },
  mod: { sign: "%", level: 5 },
  max: undefined,
  min: undefined,
  pow: undefined,
  xor: { sign: "^", level: 2 },
  bitand: { sign: "&", level: 2 },
  shr: { sign: ">>>", level: 3 },
};

const COMPARE: Record<CompareOp, string> = { lt: "<", le: "<=", gt: ">", ge: ">=", eq: "==", ne: "!=" };

/** An expression on one line; `level` is the binding strength of what surrounds it. */
export function printExpr(e: Expr, level = 0): string {
  switch (e.kind) {
    case "const":
      return e.dtype === "uint32"
        ? `0x${e.value.toString(16)}`
        : printConstant(e.value, e.dtype === "float32");
    case "var":
    case "local":
      return e.name;
    case "scalar":
      return `$${e.name}`;
    case "load":
      return `${e.buffer}[${printExpr(e.index)}]`;
    case "unary":
      return `${e.op}(${printExpr(e.a)})`;
    case "binary": {
      const infix = BINARY[e.op];
      if (infix === undefined) return `${e.op}(${printExpr(e.a)}, ${printExpr(e.b)})`;
      const text = `${printExpr(e.a, infix.level)} ${infix.sign} ${printExpr(e.b, infix.level + 1)}`;
      return infix.level < level ? `(${text})` : text;
    }
    case "compare": {
      const text = `${printExpr(e.a, 4)} ${COMPARE[e.op]} ${printExpr(e.b, 4)}`;
      return level > 3 ? `(${text})` : text;
    }
    case "select":
      return `select(${printExpr(e.condition)}, ${printExpr(e.a)}, ${printExpr(e.b)})`;
    case "cast":
      return `${e.dtype === "uint32" ? "u32" : shortName(e.dtype)}(${printExpr(e.a)})`;
    case "reduce":
      return `${e.op}[${e.axes.map((axis) => `${axis.name}<${axis.extent}`).join(", ")}](${printExpr(e.body)})`;
    default:
      return e satisfies never;
  }
}

/** A number that reads back as itself; float constants keep a point so that the dtype shows. */
export function printConstant(value: number, isFloat: boolean): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const text = Object.is(value, -0) ? "-0" : String(value);
  return isFloat && Number.isInteger(value) && !text.includes("e") ? `${text}.0` : text;
}

/** Statements as indented lines. */
export function printBody(body: readonly Stmt[], indent = ""): string[] {
  return body.flatMap((s): string[] => {
    switch (s.kind) {
      case "for": {
        const extent =
          typeof s.extent === "number" ? `${s.extent}` : `${s.extent.count} (at most ${s.extent.most})`;
        const inductions = (s.inductions ?? [])
          .map((i) => `, ${i.name} = ${printExpr(i.init)} step ${i.step}`)
          .join("");
        return [
          `${indent}for ${s.name} in ${extent}${inductions} ${s.loop}`,
          ...printBody(s.body, `${indent}  `),
        ];
      }
      case "let":
        return [`${indent}let ${s.name} = ${printExpr(s.value)}`];
      case "accumulator":
        return [
          `${indent}var ${s.name} = ${printExpr(s.init)}${s.range ? ` in ${s.range[0]}..${s.range[1]}` : ""}`,
        ];
      case "assign":
        return [`${indent}${s.name} = ${printExpr(s.value)}`];
      case "store":
        return [`${indent}${s.buffer}[${printExpr(s.index)}] = ${printExpr(s.value)}`];
      case "if":
        return [`${indent}if ${printExpr(s.condition)}`, ...printBody(s.body, `${indent}  `)];
      case "append": {
        const values = s.values.map((v) => `${v.buffer} <- ${printExpr(v.value)}`).join(", ");
        return [
          `${indent}append ${values} at ${printExpr(s.base)} + ${s.count} below ${s.capacity} when ${printExpr(s.condition)}`,
        ];
      }
      case "section":
        return [`${indent}section ${s.name}`, ...printBody(s.body, `${indent}  `)];
      default:
        return s satisfies never;
    }
  });
}

/** A whole kernel with its buffers, schedule and the model lines it came from. */
export function printKernel(kernel: Kernel): string {
  const buffers = kernel.buffers.map((b) => {
    const range = b.range === undefined ? "" : ` in ${b.range[0]}..${b.range[1]}`;
    const value = b.value === undefined ? "" : `  # ${b.value}`;
    return `  ${b.access} ${b.name}: ${shortName(b.dtype)}[${b.length}]${range}${value}`;
  });
  return [
    `kernel ${kernel.name}${kernel.origins.length === 0 ? "" : `   at ${formatOrigins(kernel.origins)}`}`,
    ...(kernel.schedule === undefined ? [] : [`  schedule ${kernel.schedule}`]),
    ...(kernel.estimate === undefined ? [] : [`  estimate ${formatEstimate(kernel)}`]),
    ...buffers,
    ...kernel.scalars.map((name) => `  scalar $${name}`),
    ...printBody(kernel.body, "  "),
  ].join("\n");
}

/** What the cost model expects of a scheduled kernel, in words. */
export const formatEstimate = ({ estimate = 0, estimatedGflops = 0 }: Kernel): string =>
  `${estimate} multiply-adds, ${estimatedGflops.toFixed(1)} GFLOP/s`;
