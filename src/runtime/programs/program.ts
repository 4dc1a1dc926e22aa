/** A compiled model: runs its forward pass, shows how it was made. */

import { describeValue } from "../../core/describe-value.ts";
import type { TypedArray } from "../../core/dtype.ts";
import { KilnError } from "../../core/errors.ts";
import type { TensorType } from "../../ir/types.ts";
import type { TunedKernel } from "../../loop/tuning-task.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Outputs } from "../../tensor/tensor-tree.ts";
import type { Compilation, KernelInfo, MemoryInfo } from "../inspection/figures.ts";
import {
  type ProfileOptions,
  type ProgramProfile,
  readProfileOptions,
} from "../inspection/program-profile.ts";
import { type CarriedState, stateOf } from "../state/carried-state.ts";
import type { ModelState } from "../state/model-state.ts";
import { fedTensors } from "./feed.ts";
import { type InputInfo, randomBatch } from "./random-batch.ts";
import { profileRuns } from "./rehearsal.ts";
import { NOTHING, type Run, readOutputs } from "./run.ts";
import type { Signature } from "./signature.ts";
import type { CompileSpecialization, Specialization, StageText } from "./specialization.ts";
import { ANY_SHAPES, type DynamicShapes, SpecializationCache } from "./specialization-cache.ts";

/** What all programs show of themselves: the specialization for the shapes that they were compiled for. */
export abstract class Inspectable {
  protected readonly main: Specialization;

  /** @internal */
  constructor(main: Specialization) {
    this.main = main;
  }

  /** The backend that runs it, with its mode: `gpujs:webgl2` if `gpujs` was asked for. */
  get backend(): string {
    return this.main.backend;
  }

  /** The dump after each stage, generated code last. */
  get stages(): readonly StageText[] {
    return this.main.stages;
  }

  /** The kernels, in the order in which they run. */
  get kernels(): readonly KernelInfo[] {
    return this.main.kernels;
  }

  /** What the tuner chose for each kernel, if `tune` was asked for. */
  get tuned(): readonly TunedKernel[] {
    return this.main.tuned;
  }

  /** What the program allocates, in bytes. */
  get memory(): MemoryInfo {
    return this.main.memoryInfo;
  }

  /** All that `kiln dump` shows, with what every stage made. */
  get compilation(): Compilation {
    return this.main.compilation;
  }

  /**
   * @internal What a module of its own or a file is made from: the plan, which indices it may be fed, the tensor behind each
   * state, and what was traced.
   */
  get portable(): Pick<
    Specialization,
    "plan" | "limits" | "computedLimits" | "states" | "returned" | "traced"
  > {
    return this.main;
  }

  /** What it is fed, in order; of integers that name classes or rows, or are lengths, which they may be. */
  get inputs(): readonly InputInfo[] {
    const { plan, limits } = this.main;
    return plan.inputs.map(({ name, dtype, shape }) => {
      const known = limits.get(name);
      if (known === undefined) return { dtype, shape, below: undefined };
      const least = Math.max(0, ...known.map((limit) => limit.least ?? 0));
      return {
        dtype,
        shape,
        below: Math.min(...known.map(({ below }) => below)),
        ...(least > 0 && { least }),
      };
    });
  }

  /** How long compiling took, tracing and code generation included. */
  get compileMilliseconds(): number {
    return this.main.compileMilliseconds;
  }
}

/**
 * What `run` gives for a forward that returns `Returned`: the same, but a list of one comes as that one. Where the type
 * leaves open which it is, as `nn.Module` does, one tensor is expected; `run<Tensor[]>(…)` says otherwise.
 */
export type RunResult<Returned> = Tensor extends Returned
  ? Tensor
  : Returned extends readonly [Tensor]
    ? Tensor
    : Returned extends Outputs
      ? Returned
      : Tensor;

/** A list without its last item, the state for the next run. */
export type WithoutState<Returned> = Tensor extends Returned
  ? Returned
  : Returned extends readonly [...infer Rest, unknown]
    ? Rest
    : Returned;

/** The settings of a program. */
export interface ProgramSettings<Carried> {
  readonly carried?: CarriedState<Carried> | undefined;
  /** Absent where all that it is given are tensors. */
  readonly signature?: Signature;
}

/**
 * A compiled forward pass. {@link compile} makes it.
 *
 * ```ts
 * const program = await compile(net, { inputs: [[64, 1, 28, 28]] });
 * const scores = await program.run(images);
 * await program.dispose();
 * ```
 */
export class Program<Result extends Outputs = Tensor, Carried = unknown, Input = Tensor> extends Inspectable {
  private readonly signature: Signature | undefined;
  private readonly state: ModelState;
  private readonly cache: SpecializationCache;
  private readonly seed: number;
  private readonly carriedState: CarriedState<Carried> | undefined;
  private runs = 0;
  private disposed = false;
  private readonly usualRun: Run<Tensor[]> = {
    label: () => `run ${this.runs + 1}`,
    take: readOutputs,
    changes: "kept",
  };

  /** @internal Random layers draw from `seed` (an int32); each run draws anew. */
  constructor(
    main: Specialization,
    inputs: readonly TensorType[],
    state: ModelState,
    compile: CompileSpecialization,
    seed: number,
    dynamic: DynamicShapes = ANY_SHAPES,
    { carried, signature }: ProgramSettings<Carried> = {},
  ) {
    super(main);
    this.carriedState = carried;
    this.signature = signature;
    this.state = state;
    this.seed = seed;
    this.cache = new SpecializationCache(inputs, compile, dynamic, main);
  }

  private get randomScalars(): Readonly<Record<string, number>> {
    return { seed: this.seed, step: this.runs };
  }

  /**
   * Runs the model and returns what its `forward` returns: one tensor, or tensors in lists and records (`const [out, [h, c]]
   * = await program.run(x)`); a list of one tensor becomes that tensor. The results are copies that belong to the caller.
   * New input shapes are compiled for, where `dynamicShapes` allows them. For an int32 input, a list of whole numbers or an
   * array of integers will do.
   */
  run(...given: readonly Input[]): Promise<Result>;
  run<T extends Outputs>(...given: readonly Input[]): Promise<T>;
  async run(...given: readonly unknown[]): Promise<Outputs> {
    const inputs = this.flat(given);
    return withHostArrays(inputs, this.state, async (arrays) => {
      this.requireAlive();
      const specialization = await this.cache.for(inputs);
      const results = await specialization.run(this.usualRun, arrays, this.randomScalars);
      this.runs++;
      return specialization.arranged(results);
    });
  }

  private flat(given: readonly unknown[]): readonly Tensor[] {
    return fedTensors(this.signature?.flatten(given) ?? given, this.main.plan.inputs);
  }

  /** Runs the model once like `run` and returns the milliseconds of each kernel, in the order of `kernels`. */
  async runByKernel(...given: readonly Input[]): Promise<readonly number[]> {
    const inputs = this.flat(given);
    return withHostArrays(inputs, this.state, async (arrays) => {
      this.requireAlive();
      const specialization = await this.cache.for(inputs);
      const run = { ...this.usualRun, take: NOTHING };
      const times = await specialization.runByKernel(run, arrays, this.randomScalars);
      this.runs++;
      return times;
    });
  }

  /**
   * Measures runs and their kernels, by default on random numbers. Buffers that the model changes, and the state of its
   * random numbers, are restored afterwards.
   */
  async profile(options: ProfileOptions = {}): Promise<ProgramProfile> {
    const { milliseconds, batch = randomBatch(this.inputs) } = readProfileOptions(options);
    return withHostArrays(batch, this.state, async (arrays) => {
      this.requireAlive();
      const specialization = await this.cache.for(batch);
      return profileRuns(
        [{ program: specialization, inputs: arrays, scalars: this.randomScalars }],
        milliseconds,
      );
    });
  }

  /** The state that goes from one run into the next, as `carried` gave it; the tensors are the live ones. */
  get carried(): Carried {
    return stateOf(this.carriedState).tensors;
  }

  /** Starts over: with the carried state that the program was compiled with, or with this one. */
  resetCarried(state?: Carried): Promise<void> {
    return stateOf(this.carriedState).reset(this.state, state);
  }

  private requireAlive(): void {
    if (this.disposed) throw new KilnError("this program has been disposed; compile the model again");
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
  tensors.forEach(requireTensor);
  const arrays = new Array<TypedArray>(tensors.length);
  const unsettled = state.settle();
  if (unsettled !== undefined) await unsettled;
  for (let k = 0; k < tensors.length; k++) arrays[k] = tensors[k].peek() ?? (await tensors[k].data());
  return state.enqueue(() => work(arrays));
}

/** Throws for values that callers without types may give instead of a tensor. */
function requireTensor(value: unknown, position: number): void {
  if (value instanceof Tensor) return;
  const isBatch = Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof Tensor);
  const isNumbers = Array.isArray(value) || ArrayBuffer.isView(value) || typeof value === "number";
  const advice = isBatch
    ? ": its tensors are arguments of their own, as in run(...batch)"
    : isNumbers
      ? ": tensor([...]) makes one"
      : "";
  throw new KilnError(`input ${position} is ${describeValue(value)}, not a tensor${advice}`);
}
