/** Compiles training steps that the user has written out: for modules and optimizers as they are at one moment. */

import type { Backend } from "../../backends/backend.ts";
import { InternalError } from "../core/errors.ts";
import type { TensorType } from "../ir/types.ts";
import type { PrepareVariant, StepVariant } from "../runtime/programs/compiled-step.ts";
import type { CompileSpecialization, Specialization } from "../runtime/programs/specialization.ts";
import { type DynamicShapes, SpecializationCache } from "../runtime/programs/specialization-cache.ts";
import { type ModelState, settled } from "../runtime/state/model-state.ts";
import type { Bundle } from "../trace/bundle.ts";
import { type StepTrace, type TraceableStep, traceStep } from "../trace/trace.ts";
import { warnOfMistakes } from "../trace/warnings/warnings.ts";
import { type BuildOptions, build } from "./build.ts";

/** What a step is compiled from, checked. */
export interface StepRequest {
  readonly step: TraceableStep;
  readonly bundle: Bundle;
  readonly backend: Backend;
  readonly state: ModelState;
  readonly common: BuildOptions;
  readonly inputs: readonly TensorType[];
  readonly dynamic: DynamicShapes;
  readonly warnings: boolean | undefined;
}

export class StepCompiler implements PrepareVariant {
  private readonly request: StepRequest;
  private readonly traces = new WeakMap<Specialization, StepTrace>();
  /** The mode of every module when the step was compiled: switching it between runs is not part of the step. */
  private readonly modes: readonly (readonly [module: object, training: unknown])[];

  constructor(request: StepRequest) {
    this.request = request;
    this.modes = modesOf(request.bundle);
  }

  settle(): Promise<unknown> {
    const { bundle } = this.request;
    return settled([...bundle.namedParameters(), ...bundle.namedBuffers()].map(([, tensor]) => tensor));
  }

  async variant(why?: string): Promise<StepVariant> {
    const { inputs, dynamic, bundle } = this.request;
    const wanted = new Map(bundle.namedParameters().map(([, p]) => [p, p.requiresGrad] as const));
    const main = await this.compile(
      inputs.map(({ shape }) => shape),
      why,
    );
    const cache = new SpecializationCache(inputs, this.compile, dynamic, main);
    return { main, cache, wanted, traceOf: this.traceOf };
  }

  private readonly traceOf = (program: Specialization): StepTrace => {
    const trace = this.traces.get(program);
    if (trace === undefined) throw new InternalError("a step's program was compiled by its compiler");
    return trace;
  };

  private readonly compile: CompileSpecialization = async (shapes, why, previous) => {
    const { inputs, backend, state, common } = this.request;
    const begin = performance.now();
    if (this.request.warnings !== false) warnOfMistakes(this.request.bundle);
    const trace = this.traced(inputs.map((type, k) => ({ ...type, shape: shapes[k] })));
    if (previous?.isOf(trace)) return previous;
    const program = await build(backend, state, trace, begin, { what: "training step", why }, common);
    this.traces.set(program, trace);
    return program;
  };

  private traced(types: readonly TensorType[]): StepTrace {
    const { step, bundle } = this.request;
    const now = modesOf(bundle);
    setModes(this.modes);
    try {
      return traceStep(step, bundle, types);
    } finally {
      setModes(now);
    }
  }
}

const modesOf = (bundle: Bundle): StepCompiler["modes"] =>
  bundle.namedModules().map(([, module]) => [module, Reflect.get(module, "training")] as const);

function setModes(modes: StepCompiler["modes"]): void {
  for (const [module, mode] of modes) Reflect.set(module, "training", mode);
}
