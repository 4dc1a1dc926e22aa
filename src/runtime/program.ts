/** A compiled model: runs its forward pass, shows how it was made. */

import { allocate, type DType, type TypedArray } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import type { TensorType } from "../ir/types.ts";
import type { TunedKernel } from "../loop/contest.ts";
import { Tensor } from "../tensor/tensor.ts";
import { VariantCache } from "./cache.ts";
import type { Compilation, KernelInfo, MemoryInfo } from "./figures.ts";
import type { ModelState } from "./model-state.ts";
import type { CompileVariant, StageText, Variant } from "./variant.ts";

/** One input or target of a program. */
export interface InputInfo {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly below: number | undefined;
}

/** What both kinds of program show of themselves: the variant for the shapes they were compiled for. */
export abstract class Inspectable {
  protected readonly main: Variant;

  constructor(main: Variant) {
    this.main = main;
  }

  /** The backend that runs it, with its mode: `gpujs:webgl2` where `gpujs` was asked for. */
  get backend(): string {
    return this.main.backend;
  }

  /** The dump after each stage, generated code last. */
  get stages(): readonly StageText[] {
    return this.main.stages;
  }

  get kernels(): readonly KernelInfo[] {
    return this.main.kernels;
  }

  /** How kernels came to be run as they are, where `tune` was asked for. */
  get tuned(): readonly TunedKernel[] {
    return this.main.tuned;
  }

  get memory(): MemoryInfo {
    return this.main.memoryInfo;
  }

  /** All there is to see, with what every stage made: what `kiln dump` shows. */
  get compilation(): Compilation {
    return this.main.compilation;
  }

  /** What a module of its own is made from: the plan, which indices it may be fed, and the tensor behind each state. */
  get portable(): Pick<Variant, "plan" | "limits" | "states"> {
    return this.main;
  }

  /** What it is fed, in order; of integers that name classes or rows, the number that they lie below. */
  get inputs(): readonly InputInfo[] {
    const { plan, limits } = this.main;
    return plan.inputs.map(({ name, dtype, shape }) => ({ dtype, shape, below: limits.get(name)?.below }));
  }

  /** How long compiling took, tracing and code generation included. */
  get compileMilliseconds(): number {
    return this.main.compileMilliseconds;
  }
}

export class Program extends Inspectable {
  private readonly state: ModelState;
  private readonly cache: VariantCache;
  private readonly seed: number;
  private runs = 0;
  private disposed = false;

  /** Random layers draw from `seed` (an int32); each run draws anew. */
  constructor(
    main: Variant,
    inputs: readonly TensorType[],
    state: ModelState,
    compile: CompileVariant,
    seed: number,
  ) {
    super(main);
    this.state = state;
    this.seed = seed;
    this.cache = new VariantCache(inputs, compile, main);
  }

  /**
   * Runs the model. Another batch size (dimension 0) than the one compiled for compiles once more. Returns
   * one tensor, or a list when the model returns several; they are the caller's own copies.
   */
  run(...inputs: readonly Tensor[]): Promise<Tensor>;
  run<T extends Tensor | Tensor[]>(...inputs: readonly Tensor[]): Promise<T>;
  run(...inputs: readonly Tensor[]): Promise<Tensor | Tensor[]> {
    return withHostArrays(inputs, this.state, async (arrays) => {
      if (this.disposed) throw new KilnError("this program has been disposed; compile the model again");
      const variant = await this.cache.for(inputs);
      await variant.feed(arrays);
      await variant.compute({ seed: this.seed, step: this.runs });
      this.runs++;
      const results = await readOutputs(variant);
      if (variant.changesState) await variant.commit();
      return results.length === 1 ? results[0] : results;
    });
  }

  /** Runs the model once like `run`; the milliseconds of each kernel, in the order of `kernels`. */
  runByKernel(...inputs: readonly Tensor[]): Promise<readonly number[]> {
    return withHostArrays(inputs, this.state, async (arrays) => {
      if (this.disposed) throw new KilnError("this program has been disposed; compile the model again");
      const variant = await this.cache.for(inputs);
      await variant.feed(arrays);
      return variant.runByKernel({ seed: this.seed, step: this.runs++ });
    });
  }

  /** Frees the program's arena; the model's parameters stay. */
  dispose(): Promise<void> {
    return this.state.enqueue(async () => {
      if (this.disposed) return;
      this.disposed = true;
      await this.cache.dispose();
    });
  }
}

/**
 * Queues `work` with the numbers of `tensors`. Those that do not lie on the host are read before queueing,
 * for reading them may itself wait in the queue.
 */
export async function withHostArrays<T>(
  tensors: readonly Tensor[],
  state: ModelState,
  work: (arrays: readonly TypedArray[]) => Promise<T>,
): Promise<T> {
  const arrays = new Array<TypedArray>(tensors.length);
  const unsettled = state.settle();
  if (unsettled !== undefined) await unsettled;
  for (let k = 0; k < tensors.length; k++) arrays[k] = tensors[k].peek() ?? (await tensors[k].data());
  return state.enqueue(() => work(arrays));
}

/** The numbers of all outputs of a variant, copied out of its memory. */
export async function readOutputArrays(variant: Variant): Promise<TypedArray[]> {
  const arrays: TypedArray[] = [];
  for (const { buffer, dtype, shape } of variant.plan.outputs) {
    const data = allocate(dtype, sizeOf(shape));
    await variant.executable.read(buffer, data);
    arrays.push(data);
  }
  return arrays;
}

/** All outputs of a variant as new tensors. */
export async function readOutputs(variant: Variant): Promise<Tensor[]> {
  const arrays = await readOutputArrays(variant);
  return variant.plan.outputs.map(({ dtype, shape }, k) => Tensor.fromData(arrays[k], shape, dtype));
}
