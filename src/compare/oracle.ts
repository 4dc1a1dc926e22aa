/**
 * Holds one run of a program against the oracle: the kernels of the same plan, interpreted in double from the same
 * inputs and states, and what each of them stores compared with what the backend stored.
 */

import type { Executable } from "../../backends/backend.ts";
import { allocate, type DType, isFloat } from "../core/dtype.ts";
import { formatOrigins } from "../core/origin.ts";
import { sizeOf } from "../core/shape.ts";
import { interpretKernel } from "../loop/interpret.ts";
import { iterationsOf, moveElements } from "../loop/loops.ts";
import type { ProgramPlan } from "../loop/plan.ts";
import type { ProgramBuffer } from "../loop/program.ts";
import type { Kernel, Stmt } from "../loop/types.ts";
import { nested } from "../loop/walk.ts";
import { Instrument } from "../runtime/inspection/instrument.ts";
import { runOneByOne } from "../runtime/inspection/one-by-one.ts";
import { differenceOf, type Runs, roundingOf, roundTo, significantBits, storedPlaces } from "./rounding.ts";
import type { ValueDifference } from "./types.ts";

/** A buffer that is compared, and the place in the run order of the kernel that stores it. */
interface Stored {
  readonly position: number;
  readonly buffer: ProgramBuffer;
}

/**
 * Runs a plan's kernels on the backend and twice in double: exactly, and with every stored number rounded, which shows how
 * far rounding alone may lead.
 */
export class OracleComparison extends Instrument {
  private readonly errors: readonly number[];
  private readonly oracles: readonly OracleRun[];
  private readonly found: (ValueDifference & { readonly position: number })[] = [];
  /** A backend may keep new states apart until the step is complete: they are read in the end. */
  private readonly last: Stored[] = [];

  constructor(plan: ProgramPlan, executable: Executable) {
    super(plan, executable);
    this.errors = plan.kernels.map((kernel) => roundingOf(kernel, storedElements(plan, kernel)));
    this.oracles = [new OracleRun(plan, undefined), new OracleRun(plan, significantBits(this.errors))];
  }

  async run(from: number, to: number, scalars: Float64Array): Promise<void> {
    const { plan, executable, oracles } = this;
    if (from === 0) await this.begin();
    const values = Object.fromEntries(plan.scalars.map((name, k) => [name, scalars[k]]));
    const runs = new Map<number, number>();
    await runOneByOne(plan, executable, [from, to], scalars, {
      moved: (move, place) => {
        for (const { storage } of oracles) moveElements(storage[move.from], storage[move.to], move, place);
      },
      after: async (position) => {
        for (const oracle of oracles) oracle.run(plan.kernels[position], values);
        runs.set(position, 1 + (runs.get(position) ?? 0));
        // Of a loop the last iteration is compared, to which all before it have led.
        if (runs.get(position) === iterationsOf(plan, position)) await this.look(position);
        await breath();
        return undefined;
      },
    });
  }

  /** Compares what a kernel has stored. */
  private async look(position: number): Promise<void> {
    for (const buffer of storedBy(this.plan, this.plan.kernels[position])) {
      if (buffer.role === "state") this.last.push({ position, buffer });
      else await this.compare({ position, buffer });
    }
  }

  /** One entry for each stored value, in run order. */
  async differences(): Promise<readonly ValueDifference[]> {
    for (const stored of this.last) await this.compare(stored);
    return this.found
      .sort((a, b) => a.position - b.position)
      .map(({ position: _, ...difference }) => difference);
  }

  /** Gives the oracles what the program starts from. */
  private async begin(): Promise<void> {
    for (const { buffer } of [...this.plan.inputs, ...this.plan.states]) {
      const data = await this.numbers(buffer);
      for (const { storage } of this.oracles) storage[buffer].set(data);
    }
  }

  private async compare({ position, buffer }: Stored): Promise<void> {
    const { name: kernel, origins } = this.plan.kernels[position];
    const { name, dtype, value, role } = buffer;
    const [exact, rounded] = this.oracles;
    const all: Runs = {
      actual: await this.numbers(name),
      expected: exact.storage[name],
      rounded: rounded.storage[name],
    };
    const runs = role === "scratch" ? storedPlaces(all) : all;
    const deviation = differenceOf(dtype, runs, this.errors[position]);
    this.found.push({ position, kernel, at: formatOrigins(origins), value, ...deviation });
  }

  private async numbers(buffer: string): Promise<ArrayLike<number>> {
    const { dtype, shape } = this.plan.buffers.find(({ name }) => name === buffer)!;
    const data = allocate(dtype, sizeOf(shape));
    await this.executable.read(buffer, data);
    return data;
  }
}

/** Lets a page draw and answer between kernels. */
const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** A plan in the interpreter, every buffer with memory of its own. */
class OracleRun {
  readonly storage: Record<string, Float64Array> = {};
  private readonly dtypes: ReadonlyMap<string, DType>;
  private readonly bits: number | undefined;

  /** With `bits`, stored numbers are rounded to so many significant ones. */
  constructor(plan: ProgramPlan, bits: number | undefined) {
    for (const { name, shape, role } of plan.buffers) {
      // Not every place of a panel is filled: what nobody has stored is not compared.
      const start = role === "scratch" ? Number.NaN : 0;
      this.storage[name] = new Float64Array(sizeOf(shape)).fill(start);
    }
    this.dtypes = new Map(plan.buffers.map(({ name, dtype }) => [name, dtype]));
    this.bits = bits;
  }

  run(kernel: Kernel, scalars: Readonly<Record<string, number>>): void {
    interpretKernel(kernel, this.storage, scalars)();
    if (this.bits === undefined) return;
    for (const { name, access } of kernel.buffers) {
      if (access !== "read" && isFloat(this.dtypes.get(name)!)) roundTo(this.bits, this.storage[name]);
    }
  }
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
