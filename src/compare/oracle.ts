/**
 * Holds one run of a program against the oracle: the kernels of the same plan, interpreted in double from the same
 * inputs and states, and what each of them stores compared with what the backend stored.
 */

import type { Executable } from "../../backends/backend.ts";
import { allocate, type DType } from "../core/dtype.ts";
import { formatOrigins } from "../core/origin.ts";
import { sizeOf } from "../core/shape.ts";
import { interpretKernel } from "../loop/interpret.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import type { ProgramBuffer } from "../loop/program.ts";
import type { Kernel, Stmt } from "../loop/types.ts";
import { nested } from "../loop/walk.ts";
import { differenceOf, type Runs, roundingOf, roundTo, significantBits, storedPlaces } from "./rounding.ts";
import type { ValueDifference } from "./types.ts";

type Scalars = Readonly<Record<string, number>>;

/** A buffer that is compared, and the place in the run order of the kernel that stores it. */
interface Stored {
  readonly turn: number;
  readonly buffer: ProgramBuffer;
}

/**
 * Runs the whole plan once, on the backend and twice in double: exactly, and with every stored number rounded, which
 * shows how far rounding alone may lead. The executable has been fed. One entry for each stored value, in run order.
 */
export async function compareRun(
  plan: ProgramPlan,
  executable: Executable,
  scalars: Scalars,
): Promise<readonly ValueDifference[]> {
  const errors = plan.kernels.map((kernel) => roundingOf(kernel, storedElements(plan, kernel)));
  const exact = new OracleRun(plan, scalars, undefined);
  const rounded = new OracleRun(plan, scalars, significantBits(errors));
  for (const { buffer } of [...plan.inputs, ...plan.states]) {
    const data = await read(executable, plan, buffer);
    exact.storage[buffer].set(data);
    rounded.storage[buffer].set(data);
  }
  const values = Float64Array.from(plan.scalars, (name) => scalars[name]);
  const found: (ValueDifference & { readonly turn: number })[] = [];
  const compare = async ({ turn, buffer }: Stored): Promise<void> => {
    const { name: kernel, origins } = plan.kernels[turn];
    const { name, dtype, value, role } = buffer;
    const all: Runs = {
      actual: await read(executable, plan, name),
      expected: exact.storage[name],
      rounded: rounded.storage[name],
    };
    const runs = role === "scratch" ? storedPlaces(all) : all;
    const deviation = differenceOf(dtype, runs, errors[turn]);
    found.push({ turn, kernel, at: formatOrigins(origins), value, ...deviation });
  };
  // A backend may keep new states apart until the step is complete: they are read in the end.
  const last: Stored[] = [];
  for (const [k, kernel] of plan.kernels.entries()) {
    await executable.run(k, k + 1, values);
    exact.run(kernel);
    rounded.run(kernel);
    for (const buffer of storedBy(plan, kernel)) {
      if (buffer.role === "state") last.push({ turn: k, buffer });
      else await compare({ turn: k, buffer });
    }
    await breath();
  }
  for (const stored of last) await compare(stored);
  return found.sort((a, b) => a.turn - b.turn).map(({ turn: _, ...difference }) => difference);
}

/** Lets a page draw and answer between kernels. */
const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** A plan in the interpreter, every buffer with memory of its own. */
class OracleRun {
  readonly storage: Record<string, Float64Array> = {};
  private readonly dtypes: ReadonlyMap<string, DType>;
  private readonly scalars: Scalars;
  private readonly bits: number | undefined;

  /** With `bits`, stored numbers are rounded to so many significant ones. */
  constructor(plan: ProgramPlan, scalars: Scalars, bits: number | undefined) {
    for (const { name, shape, role } of plan.buffers) {
      // Not every place of a panel is filled: what nobody has stored is not compared.
      const start = role === "scratch" ? Number.NaN : 0;
      this.storage[name] = new Float64Array(sizeOf(shape)).fill(start);
    }
    this.dtypes = new Map(plan.buffers.map(({ name, dtype }) => [name, dtype]));
    this.scalars = scalars;
    this.bits = bits;
  }

  run(kernel: Kernel): void {
    interpretKernel(kernel, this.storage, this.scalars)();
    if (this.bits === undefined) return;
    for (const { name, access } of kernel.buffers) {
      if (access !== "read" && this.dtypes.get(name) === "float32") roundTo(this.bits, this.storage[name]);
    }
  }
}

async function read(executable: Executable, plan: ProgramPlan, buffer: string): Promise<ArrayLike<number>> {
  const { dtype, shape } = plan.buffers.find(({ name }) => name === buffer)!;
  const data = allocate(dtype, sizeOf(shape));
  await executable.read(buffer, data);
  return data;
}

/**
 * What a kernel leaves for others. Lists that it appends to are left out: one number that rounds to zero moves all entries
 * behind it, and whatever reads the lists is compared anyway.
 */
function storedBy(plan: ProgramPlan, kernel: Kernel): readonly ProgramBuffer[] {
  const appended = new Set(appendedIn(kernel.body));
  return kernel.buffers.flatMap(({ name, access }) => {
    const buffer = plan.buffers.find((b) => b.name === name);
    const isStored = (access === "write" || access === "readwrite") && !appended.has(name);
    return isStored && buffer !== undefined && buffer.private === undefined ? [buffer] : [];
  });
}

const appendedIn = (body: readonly Stmt[]): readonly string[] =>
  body.flatMap((s) => [
    ...(s.kind === "append" ? s.values.map(({ buffer }) => buffer) : []),
    ...appendedIn(nested(s)),
  ]);

const storedElements = (plan: ProgramPlan, kernel: Kernel): number =>
  storedBy(plan, kernel).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
