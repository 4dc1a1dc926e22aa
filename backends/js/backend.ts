/** The `js` backend: specialised JavaScript loops over one arena, loaded with the Function constructor. */

import { byteSize, type TypedArray, VIEWED, viewName, viewOf } from "../../src/core/dtype.ts";
import { invariant, KilnError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { type Move, moveElements, type ProgramLoop, runOrder } from "../../src/loop/loops.ts";
import type { ProgramPlan } from "../../src/loop/plan.ts";
import type { Availability, Backend, Executable, KernelSource, StateMemory, StateSpec } from "../backend.ts";
import { requireOneThread } from "../options.ts";
import { PROCESSOR, SCALAR } from "../processor.ts";
import { StateSegments } from "../state-segments.ts";
import { printJsKernel } from "./print.ts";
import type { Address, Environment } from "./print-expressions.ts";

export const js: Backend<"js"> = {
  name: "js",
  capabilities: {
    ...PROCESSOR,
    ...SCALAR,
    prepares: true,
    schedules: true,
    vectorWidth: 1,
    registers: 16,
    loadsFirst: true,
    threads: 1,
    tileGflops: 4.5,
    oneElementPerThread: false,
    maxInputs: Number.POSITIVE_INFINITY,
    maxOutputs: Number.POSITIVE_INFINITY,
    inPlace: true,
    scatter: true,
    exactNaN: true,
  },
  available,
  configured(options) {
    requireOneThread("js", options);
    return js;
  },
  createStateMemory: () => new JsStates(),
  async compile(plan, states) {
    const { available: ready, reason } = available();
    if (!ready) throw new KilnError(`the js backend cannot run here: ${reason}; the interpret backend can`);
    invariant(states instanceof JsStates, "states of the js backend");
    return new JsProgram(plan, states);
  },
};

function available(): Availability {
  try {
    new Function("return 0");
    return { available: true, reason: "generated JavaScript loops, one thread" };
  } catch {
    return {
      available: false,
      reason: "the page's content security policy forbids generated code (unsafe-eval)",
    };
  }
}

class JsStates extends StateSegments implements StateMemory {
  readonly segments: ArrayBuffer[] = [];

  override allocate(states: readonly StateSpec[]): void {
    super.allocate(states);
    for (const bytes of this.segmentBytes.slice(this.segments.length))
      this.segments.push(new ArrayBuffer(bytes));
  }

  view(name: string): TypedArray {
    const slot = this.slot(name);
    return viewOf(this.segments[slot.segment], slot.dtype, slot.byteOffset, sizeOf(slot.shape));
  }

  async read(name: string): Promise<TypedArray> {
    return this.view(name).slice();
  }

  async write(name: string, data: TypedArray): Promise<void> {
    this.view(name).set(data);
  }
}

type JsKernel = (...views: (TypedArray | Float64Array)[]) => void;

/** The limit of byte views in every engine. */
const MOST_BYTES = 2 ** 32 - 1;

function arenaOf(bytes: number): ArrayBuffer {
  const needs = `this model needs ${Math.ceil(bytes / 2 ** 20)} MB`;
  if (bytes > MOST_BYTES)
    throw new KilnError(
      `${needs}, but JavaScript arrays hold at most 4096 MB: use a smaller batch, or the c backend, which takes as much as the machine has`,
    );
  try {
    return new ArrayBuffer(bytes);
  } catch {
    throw new KilnError(`${needs} of memory, which the engine refused: use a smaller batch`);
  }
}

class JsProgram implements Executable {
  readonly backend = "js";
  readonly sources: readonly KernelSource[];
  private readonly buffers = new Map<string, TypedArray>();
  private readonly loops: readonly ProgramLoop[] | undefined;
  private kernels: readonly JsKernel[];
  /** The arguments of every kernel function; kept, so that a run allocates nothing. */
  private arguments_: (TypedArray | Float64Array)[];
  private readonly scalars: Float64Array;

  constructor(plan: ProgramPlan, states: JsStates) {
    const arena = arenaOf(plan.arenaBytes);
    const addresses = new Map<string, Address>();
    const specs = new Map(plan.buffers.map((b) => [b.name, b]));
    for (const { buffer, byteOffset } of plan.placements) {
      const { dtype, shape } = specs.get(buffer)!;
      addresses.set(buffer, { view: viewName(dtype), offset: byteOffset / byteSize(dtype) });
      this.buffers.set(buffer, viewOf(arena, dtype, byteOffset, sizeOf(shape)));
    }
    const stateViews = new Map<string, TypedArray>();
    for (const { name, buffer } of plan.states) {
      const slot = states.slot(name);
      this.buffers.set(buffer, states.view(name));
      const view = `state${slot.segment}_${viewName(slot.dtype)}`;
      stateViews.set(view, viewOf(states.segments[slot.segment], slot.dtype));
      addresses.set(buffer, { view, offset: slot.byteOffset / byteSize(slot.dtype) });
    }
    this.scalars = new Float64Array(plan.scalars.length);
    const arenaViews = VIEWED.map((dtype) => viewOf(arena, dtype));
    this.arguments_ = [...arenaViews, ...stateViews.values(), this.scalars];
    const parameters = [...VIEWED.map(viewName), ...stateViews.keys(), "scalars"];
    const environment: Environment = { parameters, addresses, scalars: plan.scalars };
    this.sources = plan.kernels.map((kernel) => ({
      name: kernel.name,
      text: printJsKernel(kernel, kernel.name, environment),
    }));
    this.kernels = load(this.sources);
    this.loops = plan.loops;
  }

  write(buffer: string, data: TypedArray): void {
    this.buffers.get(buffer)!.set(data);
  }

  run(from: number, to: number, scalars: Float64Array): void {
    this.scalars.set(scalars);
    if (this.loops === undefined) this.runKernels(from, to);
    else this.runLoops(this.loops, from, to);
  }

  private runKernels(from: number, to: number): void {
    const { kernels, arguments_ } = this;
    for (let k = from; k < to; k++) kernels[k].apply(undefined, arguments_);
  }

  private runLoops(loops: readonly ProgramLoop[], from: number, to: number): void {
    for (const step of runOrder(loops, from, to)) {
      if (step.kind === "kernels") this.runKernels(step.from, step.to);
      else if (step.kind === "move") this.move(step.move, step.place);
    }
  }

  move(move: Move, place: number): void {
    moveElements(this.buffers.get(move.from)!, this.buffers.get(move.to)!, move, place);
  }

  read(buffer: string, into: TypedArray): void {
    into.set(this.buffers.get(buffer)!);
  }

  dispose(): void {
    this.kernels = [];
    this.arguments_ = [];
    this.buffers.clear();
  }
}

/** Kernel names are identifiers made by the compiler; no text of the user's reaches this code. */
function load(sources: readonly KernelSource[]): readonly JsKernel[] {
  const body = sources.map(({ text }) => text).join("\n\n");
  const names = sources.map(({ name }) => name).join(", ");
  return new Function(`"use strict";\n${body}\nreturn [${names}];`)() as readonly JsKernel[];
}
