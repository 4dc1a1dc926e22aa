/** Prints a scheduled kernel as C functions, one for each section, and as the phases in which threads run them. */

import { byteSize } from "../../../src/core/dtype.ts";
import { invariant } from "../../../src/core/errors.ts";
import { formatOrigins } from "../../../src/core/origin.ts";
import { align } from "../../../src/loop/plan.ts";
import { formatEstimate } from "../../../src/loop/print.ts";
import { RangeContext } from "../../../src/loop/range.ts";
import { printSchedule } from "../../../src/loop/schedule.ts";
import type { BufferParam, ExprType, Kernel, Stmt } from "../../../src/loop/types.ts";
import { visitStatements } from "../../../src/loop/walk.ts";
import type { MathFunction } from "./math.ts";
import type { FunctionContext } from "./scope.ts";
import { nameOf, REPRESENTATION, scalarName } from "./spelling.ts";
import { StatementPrinter } from "./statements.ts";

/** What all kernels of a program have in common. */
export interface Environment {
  readonly lanes: number;
  /** Position of each scalar in the array `scalars`. */
  readonly scalars: readonly string[];
}

/** A function that runs a kernel or a section of it; threads share its work if it divides any. */
export interface Phase {
  readonly name: string;
  readonly isDivided: boolean;
  /** The arguments before the scalars of its function that has a parameter for each buffer. */
  readonly parameters: readonly Parameter[];
}

/** A buffer that a function reads or writes. */
export interface Parameter {
  /** The position of the buffer among those of the kernel. */
  readonly position: number;
  /** The type of the pointer. */
  readonly type: string;
}

/** The name of a phase's function that has a parameter for each buffer. */
export const functionOn = (name: string): string => `${name}_on`;

/** A kernel as code. */
export interface KernelCode {
  /** A function for each phase, with a parameter for each buffer that it reads or writes. */
  readonly text: string;
  /** The phases' functions that call these: all are of one type, and take the addresses of the buffers as a list. */
  readonly byList: string;
  readonly phases: readonly Phase[];
  /** The elementary functions that it calls. */
  readonly math: readonly MathFunction[];
}

export function printKernel(kernel: Kernel, name: string, environment: Environment): KernelCode {
  const sections = kernel.body.filter((s) => s.kind === "section");
  invariant(
    sections.length === 0 || sections.length === kernel.body.length,
    "a kernel is made of sections or of none",
  );
  const used = new Set<MathFunction>();
  const parts =
    sections.length === 0
      ? [{ name, body: kernel.body }]
      : sections.map(({ body }, k) => ({ name: `${name}_part${k}`, body }));
  const functions = parts.map((part) => printFunction(kernel, part, environment, used));
  const head = [
    `${kernel.name}: ${kernel.ops.join(", ")}`,
    `at ${formatOrigins(kernel.origins)}`,
    `schedule: ${kernel.schedule === undefined ? "none" : printSchedule(kernel.schedule)}`,
    ...(kernel.estimate === undefined ? [] : [`estimate: ${formatEstimate(kernel)}`]),
  ];
  return {
    text: [...head.map(comment), ...functions.map(({ text }) => text)].join("\n"),
    byList: functions.map(({ byList }) => byList).join("\n"),
    phases: parts.map((part, k) => ({
      name: part.name,
      isDivided: isDivided(part.body),
      parameters: functions[k].parameters,
    })),
    math: [...used],
  };
}

/** A line comment, which no text of a user's can end or continue on the next line. */
const comment = (text: string): string =>
  `// ${text.replace(/[\\\r\n\u2028\u2029]/g, " ").replaceAll("??", "? ?")}`;

function isDivided(body: readonly Stmt[]): boolean {
  let found = false;
  visitStatements(body, (s) => {
    if (s.kind === "for" && s.loop === "thread") found = true;
  });
  return found;
}

interface Part {
  readonly name: string;
  readonly body: readonly Stmt[];
}

/**
 * Two functions: one with a parameter for each buffer, none of which overlap, and one that takes the addresses of the
 * kernel's buffers as a list, in the order in which it declares them.
 */
function printFunction(
  kernel: Kernel,
  { name, body }: Part,
  { lanes, scalars }: Environment,
  used: Set<MathFunction>,
): { readonly text: string; readonly byList: string; readonly parameters: readonly Parameter[] } {
  let temporaries = 0;
  const accessed = new Set<string>();
  const context: FunctionContext = {
    lanes,
    buffers: new Map(kernel.buffers.map((b) => [b.name, b])),
    used,
    scalars: new Set(),
    access(buffer) {
      accessed.add(buffer);
      return nameOf(buffer);
    },
    temporary: () => `v_${temporaries++}`,
  };
  let ranges = new RangeContext();
  for (const b of kernel.buffers)
    if (b.range) ranges = ranges.withBuffer(b.name, { low: b.range[0], high: b.range[1] });
  const lines = new StatementPrinter(context).body(body, "  ", {
    places: new Map(),
    ranges,
    lanes: 1,
  });
  const values = [...context.scalars].map((key) => {
    const [type, ...rest] = key.split(" ");
    const dtype = type as ExprType;
    const scalar = rest.join(" ");
    const position = scalars.indexOf(scalar);
    invariant(position >= 0, `unknown scalar ${scalar}`);
    return `  const ${REPRESENTATION[dtype].scalar} ${scalarName(scalar)}_${dtype} = ${fromDouble(`scalars[${position}]`, dtype)};`;
  });
  const own = kernel.buffers.map((b, position) => ({ b, position })).filter(({ b }) => accessed.has(b.name));
  const typed = own.map(({ b, position }) => ({ b, position, type: pointerTo(b) }));
  const given = typed.map(({ b, type }) => `${type}restrict ${nameOf(b.name)}`);
  const addresses = typed.map(({ b, position, type }) => `(${type})(${addressOf(b, position)})`);
  const common = "const double *scalars, int64_t thread, int64_t threads";
  return {
    text: [
      `static void ${functionOn(name)}(${[...given, common].join(", ")}) {`,
      "  (void)scalars, (void)thread, (void)threads;",
      ...values,
      ...lines,
      "}",
    ].join("\n"),
    byList: [
      `static void ${name}(char *const *buffers, ${common}) {`,
      "  (void)buffers;",
      `  ${functionOn(name)}(${[...addresses, "scalars, thread, threads"].join(", ")});`,
      "}",
    ].join("\n"),
    parameters: typed.map(({ position, type }) => ({ position, type })),
  };
}

const pointerTo = ({ dtype, access }: BufferParam): string =>
  `${access === "read" ? "const " : ""}${REPRESENTATION[dtype].stored} *`;

/** Private scratch has a copy for each thread. */
function addressOf({ dtype, length, private: isPrivate }: BufferParam, position: number): string {
  const copy = isPrivate ? ` + thread * ${align(Math.max(1, length) * byteSize(dtype))}` : "";
  return `buffers[${position}]${copy}`;
}

function fromDouble(value: string, dtype: ExprType): string {
  switch (dtype) {
    case "float32":
      return `(float)${value}`;
    case "bool":
      return `((int64_t)${value} != 0)`;
    case "int32":
    case "uint32":
    case "uint8":
      return `(${REPRESENTATION[dtype].scalar})(int64_t)${value}`;
    default:
      return dtype satisfies never;
  }
}
