/** The oracle as a backend: runs the plain nests in double precision, for comparison and never for speed. */

import { allocate, type TypedArray } from "../../src/core/dtype.ts";
import { invariant } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { interpretKernel } from "../../src/loop/interpret.ts";
import { type Move, moveElements, type ProgramLoop, runOrder } from "../../src/loop/loops.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import { printKernel } from "../../src/loop/print.ts";
import type { Backend, Executable, StateMemory, StateSpec } from "../backend.ts";
import { requireOneThread } from "../options.ts";
import { PROCESSOR } from "../processor.ts";

export const interpret: Backend<"interpret"> = {
  name: "interpret",
  capabilities: {
    ...PROCESSOR,
    prepares: true,
    schedules: false,
    vectorWidth: 1,
    registers: Number.POSITIVE_INFINITY,
    loadsFirst: true,
    threads: 1,
    tileGflops: 1,
    oneElementPerThread: false,
    maxInputs: Number.POSITIVE_INFINITY,
    maxOutputs: Number.POSITIVE_INFINITY,
    inPlace: true,
    scatter: true,
    exactNaN: true,
  },
  available: () => ({
    available: true,
    reason: "interprets the Loop IR in double precision; slow, the reference",
  }),
  configured(options) {
    requireOneThread("interpret", options);
    return interpret;
  },
  createStateMemory: () => new InterpretedStates(),
  async compile(plan, states) {
    invariant(states instanceof InterpretedStates, "states of the interpret backend");
    return new InterpretedProgram(plan, states);
  },
};

class InterpretedStates implements StateMemory {
  readonly arrays = new Map<string, Float64Array>();
  private readonly specs = new Map<string, StateSpec>();

  get byteLength(): number {
    return [...this.arrays.values()].reduce((sum, array) => sum + array.byteLength, 0);
  }

  allocate(states: readonly StateSpec[]): void {
    for (const spec of states) {
      if (this.specs.has(spec.name)) continue;
      this.specs.set(spec.name, spec);
      this.arrays.set(spec.name, new Float64Array(sizeOf(spec.shape)));
    }
  }

  async read(name: string): Promise<TypedArray> {
    const array = this.arrays.get(name)!;
    const copy = allocate(this.specs.get(name)!.dtype, array.length);
    copy.set(array);
    return copy;
  }

  async write(name: string, data: TypedArray): Promise<void> {
    this.arrays.get(name)!.set(data);
  }
}

class InterpretedProgram implements Executable {
  readonly backend = "interpret";
  readonly sources;
  private readonly storage: Record<string, Float64Array> = {};
  private readonly scalars: Record<string, number> = {};
  private readonly names: readonly string[];
  private readonly loops: readonly ProgramLoop[];
  private kernels: readonly (() => void)[];

  constructor(plan: ProgramPlan, states: InterpretedStates) {
    this.loops = plan.loops ?? [];
    for (const b of plan.buffers)
      if (b.role !== "state") this.storage[b.name] = new Float64Array(sizeOf(b.shape));
    for (const s of plan.states) this.storage[s.buffer] = states.arrays.get(s.name)!;
    this.names = plan.scalars;
    this.kernels = plan.kernels.map((kernel) => interpretKernel(kernel, this.storage, this.scalars));
    this.sources = plan.kernels.map((kernel) => ({ name: kernel.name, text: printKernel(kernel) }));
  }

  write(buffer: string, data: TypedArray): void {
    this.storage[buffer].set(data);
  }

  run(from: number, to: number, scalars: Float64Array): void {
    this.names.forEach((name, k) => {
      this.scalars[name] = scalars[k];
    });
    for (const step of runOrder(this.loops, from, to)) {
      if (step.kind === "kernels") for (let k = step.from; k < step.to; k++) this.kernels[k]();
      else if (step.kind === "move") this.move(step.move, step.place);
    }
  }

  move(move: Move, place: number): void {
    moveElements(this.storage[move.from], this.storage[move.to], move, place);
  }

  read(buffer: string, into: TypedArray): void {
    into.set(this.storage[buffer]);
  }

  dispose(): void {
    this.kernels = [];
  }
}
