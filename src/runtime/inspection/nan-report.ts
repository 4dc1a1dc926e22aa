/** The report of a NaN: kernel, element and line of the model, what the kernel had read, and what to do. */

import type { Executable } from "../../../backends/backend.ts";
import { shortName } from "../../core/dtype.ts";
import { KilnError } from "../../core/errors.ts";
import { formatOrigins, mergeOrigins, type Origin } from "../../core/origin.ts";
import { formatShape } from "../../core/shape.ts";
import { CONSTANT } from "../../ir/builder.ts";
import { valueNames } from "../../ir/print.ts";
import type { Graph, Value } from "../../ir/types.ts";
import { iterationsOf } from "../../loop/loops.ts";
import { partsOf, storingPart } from "../../loop/parts.ts";
import type { ProgramPlan } from "../../loop/plan.ts";
import type { ProgramBuffer } from "../../loop/program.ts";
import type { Kernel } from "../../loop/types.ts";
import { indexAt, type StoredValues, type Summary, summarize } from "../state/stored-values.ts";
import { runOneByOne } from "./one-by-one.ts";

/** An element that a kernel has stored. */
export interface Found {
  /** The kernel's index in the run. */
  readonly kernel: number;
  /** Which run of that kernel it was, from 1: in a loop there is one for each iteration. */
  readonly run: number;
  readonly buffer: ProgramBuffer;
  /** Its position in the buffer. */
  readonly position: number;
}

/** A value that a kernel read. */
interface Read extends Summary {
  readonly buffer: ProgramBuffer;
}

/** What was found and where it comes from; the caller adds which run it was. */
export class NanFound extends Error {
  readonly origins: readonly Origin[];

  constructor(message: string, origins: readonly Origin[]) {
    super(message);
    this.origins = origins;
  }

  /** The error for the user. */
  in(run: string): KilnError {
    return new KilnError(`${run} ${this.message}`, this.origins);
  }
}

export class NanReport {
  private readonly plan: ProgramPlan;
  private readonly executable: Executable;
  private readonly values: StoredValues;
  private readonly graph: Graph | undefined;

  /** `graph` is the last one that the kernels were made from, with the names that `plan` has for its values. */
  constructor(plan: ProgramPlan, executable: Executable, values: StoredValues, graph: Graph | undefined) {
    this.plan = plan;
    this.executable = executable;
    this.values = values;
    this.graph = graph;
  }

  /** Runs the kernels before that of `found` again; memory must be as it was before the run. */
  async explain(found: Found, infinity: Found | undefined, scalars: Float64Array): Promise<NanFound> {
    const { kernels } = this.plan;
    const { kernel, buffer } = found;
    const { part, place } = storingPart(kernels[kernel], buffer.name);
    const { name, ops } = part;
    const computed = [...new Set(ops)].filter((op) => op !== CONSTANT);
    const read = await this.whatItRead(found, scalars);
    const runs = iterationsOf(this.plan, kernel);
    const iteration = runs === 1 ? "" : ` in its run ${found.run} of ${runs}`;
    const { op, origins } = this.sourceOf(found);
    const computes = computed.length > 1 ? `, which computes ${computed.join(", ")}` : "";
    const stored = `${buffer.value}${op === undefined ? "" : ` = ${op}`}: ${typeOf(buffer)}`;
    const parts = [
      `makes NaN: kernel ${name} (${kernel + 1} of ${kernels.length}${computes}) stores the first one${iteration}, ` +
        `${where(found)}${stored}`,
      ...(read.length === 0 ? [] : [`it reads ${read.map(describeRead).join(", ")}`]),
      ...(infinity !== undefined && this.isBefore(infinity, kernel, place)
        ? [this.aboutInfinity(infinity)]
        : []),
      advice(read),
      ...(this.plan.commitFrom < kernels.length ? ["the model's state is as it was before"] : []),
    ];
    return new NanFound(parts.join("; "), origins);
  }

  /** Whether something was stored before a part of a kernel ran. */
  private isBefore(found: Found, kernel: number, place: number): boolean {
    if (found.kernel !== kernel) return found.kernel < kernel;
    return storingPart(this.plan.kernels[kernel], found.buffer.name).place < place;
  }

  private aboutInfinity(found: Found): string {
    const { buffer, kernel } = found;
    const { origins } = this.sourceOf(found);
    const place = origins.length === 0 ? "" : ` (${formatOrigins(origins)})`;
    const { name } = storingPart(this.plan.kernels[kernel], buffer.name).part;
    return `the first infinity is stored by kernel ${name}, ${where(found)}${buffer.value}${place}`;
  }

  /** The graph's value for a stored value, whose lines come before the others of its kernel. */
  private sourceOf({ kernel, buffer }: Found): { readonly op?: string; readonly origins: readonly Origin[] } {
    const all = storingPart(this.plan.kernels[kernel], buffer.name).part.origins;
    const { graph } = this;
    const value = graph && storedValue(graph, buffer);
    if (graph === undefined || value?.kind !== "node") return { origins: all };
    return { op: value.op, origins: mergeOrigins(graph.origins.get(value) ?? [], all) };
  }

  /** The values that a kernel reads, also through scratch that others have filled for it. */
  private async whatItRead({ kernel, run, buffer }: Found, scalars: Float64Array): Promise<readonly Read[]> {
    const wanted = this.readers(kernel, buffer.name);
    const found = new Map<string, Read>();
    let runs = 0;
    // Up to the end of the outermost loop around the kernel: the run stops before that.
    const end =
      (this.plan.loops ?? []).find(({ from, to }) => from <= kernel && kernel < to)?.to ?? kernel + 1;
    await runOneByOne(this.plan, this.executable, [0, end], scalars, {
      before: async (k) => {
        for (const name of wanted.get(k) ?? []) {
          const data = await this.values.read(name);
          if (data !== undefined) found.set(name, { buffer: this.values.buffer(name), ...summarize(data) });
        }
        return k === kernel && ++runs === run ? "stop" : undefined;
      },
    });
    return [...found.values()];
  }

  /**
   * By kernel, the values that it reads: for the part of `kernel` that stores into
   * `stored`, and for those that fill scratch for it. What an earlier part of the
   * same kernel stores does not exist before that kernel runs, and is left out.
   */
  private readers(kernel: number, stored: string): ReadonlyMap<number, readonly string[]> {
    const result = new Map<number, readonly string[]>();
    const scratch = new Set<string>();
    const isStored = ({ buffers }: Kernel, by: (name: string) => boolean): boolean =>
      buffers.some(({ name, access }) => access !== "read" && by(name));
    for (let k = kernel; k >= 0; k--) {
      const parts = partsOf(this.plan.kernels[k]) ?? [this.plan.kernels[k]];
      const values = new Set<string>();
      for (const [place, part] of [...parts.entries()].reverse()) {
        if (!isStored(part, (name) => scratch.has(name) || (k === kernel && name === stored))) continue;
        for (const { name, access } of part.buffers) {
          const { role } = this.values.buffer(name);
          const isThere = !parts
            .slice(0, place)
            .some((earlier) => isStored(earlier, (other) => other === name));
          if (role === "scratch") scratch.add(name);
          else if (isThere && (access === "read" || (access === "readwrite" && role === "state")))
            values.add(name);
        }
      }
      if (values.size > 0) result.set(k, [...values]);
    }
    return result;
  }
}

/** The element's index before the tensor's name; a scalar has none. */
const where = ({ buffer, position }: Found): string =>
  buffer.shape.length === 0 ? "" : `at ${formatShape(indexAt(position, buffer))} of `;

const typeOf = ({ dtype, shape }: ProgramBuffer): string => shortName(dtype) + formatShape(shape);

/** The value of a graph that is in `buffer`; for a state, the value it is updated by. */
function storedValue(graph: Graph, buffer: ProgramBuffer): Value | undefined {
  for (const [value, name] of valueNames(graph)) {
    if (name !== buffer.value) continue;
    return buffer.role === "state" ? graph.updates.find(({ target }) => target === value)?.value : value;
  }
  return undefined;
}

function describeRead({ buffer, smallest, largest, firstNaN, firstInfinity }: Read): string {
  const at = (position: number): string => formatShape(indexAt(position, buffer));
  const range =
    smallest > largest
      ? []
      : [smallest === largest ? shown(smallest) : `from ${shown(smallest)} to ${shown(largest)}`];
  const odd = [
    ...(firstInfinity < 0 ? [] : [`infinite at ${at(firstInfinity)}`]),
    ...(firstNaN < 0 ? [] : [`NaN at ${at(firstNaN)}`]),
  ];
  return `${buffer.value} ${typeOf(buffer)} (${[...range, ...odd].join(", ")})`;
}

/** At most six digits. */
const shown = (value: number): string => String(Number(value.toPrecision(6)));

/** What the reader of the report can do about it. */
function advice(read: readonly Read[]): string {
  const sick = read.find(({ firstNaN }) => firstNaN >= 0);
  if (sick?.buffer.role === "input")
    return `${sick.buffer.value} is fed with NaN: look at where the data comes from`;
  if (sick !== undefined) return `${sick.buffer.value} holds NaN already: load or initialise it again`;
  if (read.some(({ firstInfinity }) => firstInfinity >= 0))
    return "infinities cancel to NaN: keep what leads to them bounded, with clamp, a smaller learning rate or clipped gradients";
  return "keep what it reads where it is defined, for instance with clamp or a small constant added";
}
