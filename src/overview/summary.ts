/** `summary(net, { inputs })`: a model's layers, parameters and operations, and the memory that its compiled programs take. */

import type { Backend } from "../../backends/backend.ts";
import { withIndexChecks } from "../../passes/graph/index-checks.ts";
import { STAGES } from "../../passes/pipeline.ts";
import { byteSize } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { checkOptionNames, type OptionNames } from "../core/option-names.ts";
import { sizeOf } from "../core/shape.ts";
import {
  type BuildOptions,
  buildOptions,
  type CommonOptions,
  runPasses,
  usableBackend,
} from "../driver/build.ts";
import { checkLoss, checkModel, checkOptimizer, readTypes } from "../driver/options.ts";
import type { Graph, TensorType } from "../ir/types.ts";
import { type MemoryInfo, memoryInfo } from "../runtime/inspection/figures.ts";
import type { TensorSpec } from "../runtime/programs/signature.ts";
import {
  type GradientOptions,
  type GroupedRules,
  planUpdate,
  trainedBy,
} from "../runtime/programs/training-plan.ts";
import { CarriedState } from "../runtime/state/carried-state.ts";
import { generatorState, setGeneratorState } from "../tensor/index.ts";
import type { Tensors } from "../tensor/tensor-tree.ts";
import { inMode, type Moded } from "../trace/mode.ts";
import { type TraceableLoss, traceLoss } from "../trace/trace.ts";
import { traceCalls } from "./layer-calls.ts";
import { countParameters, type LayerSummary, layersOf, type ParameterCount } from "./layers.ts";
import { summaryText } from "./summary-text.ts";

/** Options of {@link summary}: those of `compile`, and with a loss and an optimizer those of `compileTraining`. */
export interface SummaryOptions
  extends Pick<CommonOptions, "backend" | "threads" | "deterministic" | "strategy" | "winograd">,
    GradientOptions {
  /** The state that `forward` is given last, and hands on: see `compile`. */
  readonly carried?: unknown;
  /** Shapes of the inputs, the batch first. */
  readonly inputs: readonly TensorSpec[];
  /** With an optimizer: the memory of a training step is part of the summary. */
  readonly loss?: TraceableLoss;
  /** What trains the model; only its rule is read. */
  readonly optimizer?: GroupedRules;
  /** Shapes of the targets; by default what the loss wants for the model's output. */
  readonly targets?: readonly TensorSpec[];
}

const OPTION_NAMES = {
  inputs: true,
  backend: true,
  threads: true,
  deterministic: true,
  strategy: true,
  winograd: true,
  carried: true,
  loss: true,
  optimizer: true,
  targets: true,
  clipGradNorm: true,
  clipGradValue: true,
  accumulate: true,
} satisfies OptionNames<SummaryOptions>;

/** The memory of a model's programs, as `program.memory` and `trainer.memory` would have it. */
export interface SummaryMemory {
  /** Bytes of all parameters. */
  readonly parameterBytes: number;
  /** Bytes of all buffers, such as running means. */
  readonly bufferBytes: number;
  readonly forward: MemoryInfo;
  /** There where a loss and an optimizer are given; its `parameterBytes` count the optimizer's states. */
  readonly training?: MemoryInfo;
}

/** What a model is made of, and what it takes. Printed, or made a text, it is a table. */
export class ModelSummary {
  /** The types of the inputs. */
  readonly inputs: readonly TensorType[];
  /** Every call of a layer, the model's own first. */
  readonly layers: readonly LayerSummary[];
  /** The number of parameters. */
  readonly parameters: ParameterCount;
  /** Operations of a forward pass, a multiply-add counting as two, before compiling saves any. */
  readonly flops: number;
  /** The memory of its programs. */
  readonly memory: SummaryMemory;
  /** The backend whose memory that is. */
  readonly backend: string;

  constructor(parts: Omit<ModelSummary, "toString">) {
    this.inputs = parts.inputs;
    this.layers = parts.layers;
    this.parameters = parts.parameters;
    this.flops = parts.flops;
    this.memory = parts.memory;
    this.backend = parts.backend;
  }

  toString(): string {
    return summaryText(this);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/**
 * `console.log(await summary(net, { inputs: [[1, 3, 32, 32]] }))`: each layer in the order of calls with its output, its
 * parameters (held in several places: counted once) and the operations of a forward pass in evaluation mode, which are those
 * that its ops stand for: padding is counted, and what passes fuse or save is not considered. Memory is that of the programs
 * that `compile` and, with a loss and an optimizer, `compileTraining` make for `backend`; nothing is run, and the model is
 * left as it is.
 *
 * ```ts
 * console.log(String(await summary(net, { inputs: [[1, 1, 28, 28]] })));
 * ```
 */
export async function summary(model: Moded, options: SummaryOptions): Promise<ModelSummary> {
  checkModel("summary", model);
  checkOptionNames("summary", options, OPTION_NAMES);
  const inputs = readTypes(options.inputs, "inputs");
  const targets = options.targets && readTypes(options.targets, "targets");
  const backend = await usableBackend(options.backend, options);
  const common = await buildOptions(backend, options);
  const { carried: initial } = options;
  const carried = initial === undefined ? undefined : (await CarriedState.from("summary", initial)).tree;
  const { trace, calls } = traceCalls(model, inputs, carried);
  const forward = await memoryOf(backend, trace.graph, common);
  const training = await trainingMemory({ model, inputs, targets, carried }, options, backend, common);
  const layers = layersOf(calls, trace.graph);
  const bytes = (tensors: Iterable<readonly [string, TensorType]>): number =>
    [...tensors].reduce((sum, [, { shape, dtype }]) => sum + sizeOf(shape) * byteSize(dtype), 0);
  return new ModelSummary({
    inputs,
    layers,
    parameters: countParameters(model),
    flops: layers[0].flops,
    backend: backend.name,
    memory: {
      parameterBytes: bytes(model.namedParameters()),
      bufferBytes: bytes(model.namedBuffers()),
      forward,
      ...(training && { training }),
    },
  });
}

/** What a program of `graph` allocates. */
async function memoryOf(backend: Backend, graph: Graph, options: BuildOptions): Promise<MemoryInfo> {
  const { plan } = await runPasses(backend, STAGES[0], withIndexChecks(graph).graph, 0, options);
  return memoryInfo(plan);
}

/** What a training step is traced with. */
interface Step {
  readonly model: Moded;
  readonly inputs: readonly TensorType[];
  readonly targets: readonly TensorType[] | undefined;
  readonly carried: Tensors | undefined;
}

async function trainingMemory(
  { model, inputs, targets, carried }: Step,
  options: SummaryOptions,
  backend: Backend,
  common: BuildOptions,
): Promise<MemoryInfo | undefined> {
  const { loss, optimizer } = options;
  if (loss === undefined && optimizer === undefined) return undefined;
  if (loss === undefined || optimizer === undefined) {
    throw new KilnError("summary of a training step takes a loss and an optimizer: give both, or none");
  }
  checkLoss("summary", loss);
  checkOptimizer(optimizer);
  const generator = generatorState();
  try {
    const trace = inMode(model, true, () => traceLoss(model, loss, inputs, targets, {}, { carried }));
    const gradientsFor = trainedBy(optimizer, trace);
    const { update } = planUpdate(optimizer, trace, gradientsFor, options);
    return await memoryOf(backend, trace.graph, { ...common, gradientsFor, update });
  } finally {
    setGeneratorState(generator);
  }
}
