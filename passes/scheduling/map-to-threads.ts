/**
 * Adapts a program to backends that compute one element per thread: every kernel stores one buffer and reads no
 * more of them than the backend can bind. Reductions that many threads would repeat become kernels of their own.
 */

import { type DType, kindOf } from "../../src/core/dtype.ts";
import { KilnError } from "../../src/core/errors.ts";
import { sizeOf, stridesOf } from "../../src/core/shape.ts";
import { dot, load, variable } from "../../src/loop/build.ts";
import type { Capabilities } from "../../src/loop/capabilities.ts";
import { countFlops } from "../../src/loop/flops.ts";
import { Interner } from "../../src/loop/intern.ts";
import { withKernelsAt } from "../../src/loop/loops.ts";
import type { LoweredProgram, ProgramBuffer } from "../../src/loop/program.ts";
import { RangeContext } from "../../src/loop/range.ts";
import type { BufferParam, Expr, Kernel } from "../../src/loop/types.ts";
import { usedBuffers, withBody } from "../../src/loop/used-buffers.ts";
import { type GridLoop, nestsOf, statementsOf } from "./analysis/nest.ts";
import { hoistInvariants } from "./transforms/hoist-invariants.ts";
import { fewerInputs, type PartMaker, sharedReductions } from "./transforms/kernel-fission.ts";

/** One value for each iteration of `loops`, stored in order. */
interface Part {
  readonly loops: readonly GridLoop[];
  readonly buffer: string;
  readonly value: Expr;
}

/** The program with kernels of one store each; those that write states come last, whole, as the step's commit. */
export function mapToThreads(program: LoweredProgram, capabilities: Capabilities): LoweredProgram {
  const states = new Set(program.states.map(({ buffer }) => buffer));
  const taken = new Set(program.buffers.map(({ name }) => name));
  const split = program.kernels.map((kernel) => new KernelSplit(kernel, capabilities, states, taken));
  const kernels = split.flatMap((s) => s.kernels);
  const writesState = (kernel: Kernel): boolean =>
    kernel.buffers.some(({ name, access }) => access !== "read" && states.has(name));
  const before = kernels.filter((kernel) => !writesState(kernel));
  const place = (k: number): number => split.slice(0, k).reduce((n, s) => n + s.kernels.length, 0);
  const threaded: LoweredProgram = {
    ...program,
    ...(program.loops && { loops: withKernelsAt(program.loops, place) }),
    // Loading a state means its value before the step, whatever the order: the commit may wait.
    kernels: [...before, ...kernels.filter(writesState)],
    buffers: [...program.buffers, ...split.flatMap((s) => s.scratch)],
    commitFrom: before.length,
  };
  return hoistInvariants(threaded);
}

/** One kernel while it is split into several. */
class KernelSplit implements PartMaker {
  readonly kernels: readonly Kernel[];
  readonly scratch: ProgramBuffer[] = [];
  private readonly kernel: Kernel;
  private readonly capabilities: Capabilities;
  private readonly taken: Set<string>;
  private readonly interner = new Interner();
  private readonly made = new Map<Expr, { readonly names: string; readonly element: Expr }[]>();
  private readonly parts: Part[] = [];
  /** The ranges of integer parts, for their readers. */
  private readonly ranges = new Map<string, readonly [number, number]>();

  constructor(kernel: Kernel, capabilities: Capabilities, states: ReadonlySet<string>, taken: Set<string>) {
    this.kernel = kernel;
    this.capabilities = capabilities;
    this.taken = taken;
    for (const { loops, stores } of nestsOf(kernel)) {
      const stored = new Map<Expr, string>();
      for (const { buffer, value } of stores) {
        const whole = this.interner.intern(value);
        const copied = stored.get(whole);
        this.store(loops, buffer, copied === undefined ? whole : elementOf(copied, whole, loops));
        if (!states.has(buffer)) stored.set(whole, buffer);
      }
    }
    this.kernels = this.parts.map((part, k) => this.kernelOf(part, k));
  }

  private store(loops: readonly GridLoop[], buffer: string, value: Expr): void {
    const shared = sharedReductions(this.interner.intern(value), loops, this);
    const { maxInputs } = this.capabilities;
    const narrow = fewerInputs(shared, loops, maxInputs, this);
    if (narrow === undefined) {
      throw new KilnError(
        `kernel ${this.kernel.name} reads more than ${maxInputs} tensors in a way that cannot be split for this backend; use the js backend`,
        this.kernel.origins,
      );
    }
    this.parts.push({ loops, buffer, value: narrow });
    if (kindOf(narrow.dtype) === "int" && this.scratch.some(({ name }) => name === buffer))
      this.noteRange(buffer, loops, narrow);
  }

  private noteRange(buffer: string, loops: readonly GridLoop[], value: Expr): void {
    let context = new RangeContext();
    for (const { name, extent } of loops) context = context.withLoop(name, extent);
    const known = this.kernel.buffers.flatMap(({ name, range }) => (range ? [[name, range] as const] : []));
    for (const [name, [low, high]] of [...known, ...this.ranges])
      context = context.withBuffer(name, { low, high });
    const { low, high } = context.rangeOf(value);
    if (Number.isFinite(low) && Number.isFinite(high)) this.ranges.set(buffer, [low, high]);
  }

  /** Gives `value` a kernel of its own, once, and returns how to read it. */
  part(value: Expr, loops: readonly GridLoop[]): Expr {
    const whole = this.interner.intern(value);
    const names = loops.map(({ name }) => name).join();
    const known = this.made.get(whole)?.find((m) => m.names === names);
    if (known !== undefined) return known.element;
    const buffer = this.declare(whole, loops);
    const element = this.interner.intern(elementOf(buffer, whole, loops));
    this.made.set(whole, [...(this.made.get(whole) ?? []), { names, element }]);
    this.store(loops, buffer, whole);
    return element;
  }

  private declare(value: Expr, loops: readonly GridLoop[]): string {
    const base = `${this.kernel.name}_part`;
    let k = 1;
    while (this.taken.has(`${base}${k}`)) k++;
    const name = `${base}${k}`;
    this.taken.add(name);
    const shape = loops.map(({ extent }) => extent);
    this.scratch.push({
      name,
      dtype: value.dtype as DType,
      shape,
      role: "scratch",
      value: `part of ${this.kernel.name}`,
    });
    return name;
  }

  private kernelOf({ loops, buffer, value }: Part, position: number): Kernel {
    const store = { kind: "store", buffer, index: placeOf(loops), value } as const;
    const { loaded } = usedBuffers([store]);
    const access = (name: string): BufferParam["access"] =>
      name !== buffer ? "read" : loaded.has(name) ? "readwrite" : "write";
    const buffers = [
      ...this.kernel.buffers.map((b): BufferParam => ({ ...b, access: access(b.name) })),
      ...this.scratch.map(
        ({ name, dtype, shape, value: text }): BufferParam => ({
          name,
          dtype,
          length: sizeOf(shape),
          access: access(name),
          value: text,
          ...(this.ranges.has(name) && { range: this.ranges.get(name)! }),
        }),
      ),
    ];
    const nest = statementsOf({ loops, stores: [store] });
    return {
      ...withBody(this.kernel, buffers, nest),
      name:
        position === this.parts.length - 1
          ? this.kernel.name
          : `${this.kernel.name}_${position + 1}of${this.parts.length}`,
      schedule: [{ kind: "map-to-threads" }],
      nominalFlops: countFlops(nest),
    };
  }
}

/** The element of `buffer` that belongs to the current iteration of `loops`. */
const elementOf = (buffer: string, value: Expr, loops: readonly GridLoop[]): Expr =>
  load(buffer, value.dtype as DType, placeOf(loops));

const placeOf = (loops: readonly GridLoop[]): Expr =>
  dot(
    loops.map(({ name }) => variable(name)),
    stridesOf(loops.map(({ extent }) => extent)),
  );
