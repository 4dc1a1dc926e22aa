/** Runs a model's forward once on symbolic tensors and records what it does as a graph. */

import { KilnError } from "../core/errors.ts";
import type { Origin } from "../core/origin.ts";
import { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Graph, Input, TensorType, Update, Value } from "../ir/types.ts";
import { opTable } from "../ops/registry.ts";
import { moduleStack, type RandomSource, type Recorder, recordWith } from "../tensor/context.ts";
import { type Source, Tensor } from "../tensor/tensor.ts";
import { arityOf } from "./arity.ts";
import { type Place, userPlace } from "./origins.ts";
import { TensorFields } from "./tensor-fields.ts";
import { ValueNamer } from "./value-names.ts";

/** What the tracer needs of a module; `nn.Module` is one. */
export interface Traceable {
  forward(...inputs: Tensor[]): Tensor | readonly Tensor[];
  namedModules(): Iterable<readonly [string, Traceable]>;
  namedParameters(): Iterable<readonly [string, Tensor]>;
  namedBuffers(): Iterable<readonly [string, Tensor]>;
  /** Where the user made it, when known. */
  readonly constructedAt?: Place | undefined;
}

/** A loss: a module of outputs and targets. */
export interface TraceableLoss extends Traceable {
  /** The target that goes with an output, for whoever compiles without saying what `targets` there are. */
  targetType?(output: TensorType): TensorType;
}

export interface Trace {
  readonly graph: Graph;
  /** The tensor behind every state of the graph: parameters, buffers and captured constants. */
  readonly states: ReadonlyMap<string, Tensor>;
  /** States that gradients are wanted for. */
  readonly parameters: readonly string[];
  /** The types of all inputs, targets last. */
  readonly inputs: readonly { readonly name: string; readonly type: TensorType }[];
}

/** Traces `model` on inputs of the given types; the graph returns its results as `output`, `output1`, … */
export function traceModel(model: Traceable, inputs: readonly TensorType[]): Trace {
  const session = new Session(model, false);
  const outputs = session.forward(inputs);
  return session.finish(
    graphName(model),
    outputs.map((tensor, k) => ({ name: k === 0 ? "output" : `output${k}`, tensor })),
  );
}

/** Traces `model` and then `loss` of its output and targets; the graph returns the loss alone. */
export function traceLoss(
  model: Traceable,
  loss: TraceableLoss,
  inputs: readonly TensorType[],
  targets?: readonly TensorType[],
): Trace {
  const session = new Session(model, true);
  const outputs = session.forward(inputs);
  const types = targets ?? outputs.map((output) => targetType(loss, output));
  return session.finish(graphName(model), [{ name: "loss", tensor: session.loss(loss, outputs, types) }]);
}

function targetType(loss: TraceableLoss, output: TensorType): TensorType {
  if (loss.targetType !== undefined) return loss.targetType(output);
  throw new KilnError(
    `${loss.constructor.name} does not say what targets it compares with: give their shapes, such as ` +
      "targets: [[64, 10]], or give it a method targetType(output) that returns { shape, dtype }",
  );
}

const graphName = (model: Traceable): string => {
  const name = model.constructor.name.toLowerCase().replace(/[^a-z0-9_]/g, "_");
  return /^[a-z]/.test(name) ? name : "model";
};

class Session implements Recorder {
  private readonly builder = new GraphBuilder(opTable);
  /** The values of this trace, by what stands behind their tensors. */
  private readonly values = new Map<Source, Value>();
  private readonly states = new Map<string, Tensor>();
  private readonly inputsOfStates = new Map<Tensor, Input>();
  /** What the tensors of states stand for by now; two of them may have begun with the same numbers. */
  private readonly current = new Map<Tensor, Value>();
  /** What buffers hold after the run, in the order in which they were first assigned. */
  private readonly assigned = new Map<Input, Value>();
  private readonly fixed = new Set<Input>();
  private readonly parameters: string[] = [];
  private readonly paths = new Map<object, string>();
  private readonly places = new Map<object, Place | undefined>();
  private readonly inputs: { name: string; type: TensorType }[] = [];
  /** How many random streams each module path has by now. */
  private readonly streams = new Map<string, number>();
  private random: Pick<RandomSource, "seed" | "step"> | undefined;
  private lossModule: TraceableLoss | undefined;

  /** In a training session gradients are derived, for the parameters of `model`. */
  constructor(model: Traceable, isTraining: boolean) {
    this.isTraining = isTraining;
    this.namer = new ValueNamer(model);
    for (const [path, module] of model.namedModules()) {
      this.paths.set(module, path);
      this.places.set(module, module.constructedAt);
    }
    for (const [name, parameter] of model.namedParameters()) {
      this.fixed.add(this.state(name, parameter));
      if (parameter.requiresGrad) this.parameters.push(name);
    }
    for (const [name, buffer] of model.namedBuffers()) this.state(name, buffer);
    this.model = model;
  }

  /** A parameter that no module of the model has: it would be frozen into the program. */
  private strayParameter({ dtype, shape }: Tensor): KilnError {
    return new KilnError(
      `forward uses a parameter ${dtype}[${shape}] that is no part of the model, so it would not be trained: keep ` +
        "layers and parameters in fields, lists of them in nn.ModuleList; noGrad or detach() says that it is a constant",
      [this.origin()],
    );
  }

  private readonly model: Traceable;
  private readonly isTraining: boolean;
  private readonly namer: ValueNamer;

  forward(types: readonly TensorType[]): readonly Tensor[] {
    const { model } = this;
    const { least, most } = arityOf(model);
    if (types.length < least || types.length > most) {
      throw new KilnError(
        `forward of ${model.constructor.name} takes ${counted(least, "input")}, and inputs lists ${types.length}`,
        [this.modelOrigin()],
      );
    }
    const inputs = types.map((type, k) => this.input(types.length === 1 ? "x" : `x${k}`, type));
    const fields = new TensorFields(model);
    const result = recordWith(this, () => kilnTraceBoundary(() => model.forward(...inputs)));
    const carried = fields.restore();
    if (carried !== undefined) {
      throw new KilnError(
        `forward keeps a tensor in ${carried}, which a compiled model does not carry from one run to the next: ` +
          "make it a buffer with registerBuffer, and change it with copy_",
        [this.modelOrigin()],
      );
    }
    const outputs = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
    if (outputs.length === 0 || outputs.some((t) => !(t instanceof Tensor))) {
      throw new KilnError(
        `forward of ${model.constructor.name} must return a tensor or a list of tensors, not ${described(result)}`,
        [this.modelOrigin()],
      );
    }
    return outputs;
  }

  loss(loss: TraceableLoss, outputs: readonly Tensor[], types: readonly TensorType[]): Tensor {
    const targets = types.map((type, k) => this.input(types.length === 1 ? "target" : `target${k}`, type));
    this.lossModule = loss;
    this.places.set(loss, loss.constructedAt);
    if (outputs.length + targets.length > arityOf(loss).most) {
      throw new KilnError(
        `${loss.constructor.name} takes ${counted(arityOf(loss).most, "tensor")}, and is given ` +
          `${counted(outputs.length, "output")} of the model and ${counted(targets.length, "target")}: ` +
          "a loss of your own can take them all, a module whose forward(...outputs, ...targets) returns one tensor",
        [this.modelOrigin()],
      );
    }
    const result = recordWith(this, () => kilnTraceBoundary(() => loss.forward(...outputs, ...targets)));
    if (!(result instanceof Tensor)) throw new KilnError("a loss must return one tensor", [this.origin()]);
    return result;
  }

  finish(name: string, outputs: readonly { name: string; tensor: Tensor }[]): Trace {
    const values = outputs.map((o) => ({ name: o.name, value: this.valueOf(o.tensor) }));
    const graph = this.builder.build(name, values, this.updates());
    const names = this.namer.finish(graph.inputs);
    return {
      graph: names.size === 0 ? graph : { ...graph, names },
      states: this.states,
      parameters: this.parameters,
      inputs: this.inputs,
    };
  }

  record(op: string, inputs: readonly Tensor[], attrs: Attrs): Tensor {
    const values = inputs.map((t) => this.valueOf(t, op === "detach"));
    const place = userPlace("kilnTraceBoundary");
    const known = this.origin(place);
    const origins = known.line === 0 ? values.flatMap((v) => this.builder.originsOf(v)).slice(-1) : [known];
    const value = this.builder.at(origins, () => this.builder.node(op, values, attrs));
    this.namer.recorded(place, value);
    return this.tensorOf(value);
  }

  /** From here on `target` stands for `value`, which is also what it holds after each run. */
  assign(target: Tensor, value: Tensor): void {
    const next = this.valueOf(value);
    this.valueOf(target);
    const state = this.inputsOfStates.get(target);
    if (state === undefined || this.fixed.has(state)) {
      const what = state === undefined ? "a tensor that is not computed yet" : `the parameter ${state.name}`;
      throw new KilnError(
        `forward assigns to ${what}: in a compiled model only buffers change, which registerBuffer makes; ` +
          "parameters change with the optimizer's step",
        [this.origin()],
      );
    }
    this.current.set(target, next);
    this.assigned.set(state, next);
  }

  /** A copy has no other user, so that reading the value elsewhere never reads the buffer before or after its time. */
  private updates(): Update[] {
    return [...this.assigned].map(([target, value]) => ({
      target,
      value: this.builder.at(this.builder.originsOf(value), () => this.builder.node("copy", [value])),
    }));
  }

  /** The module that runs and how often it has drawn before name the stream: other layers do not change it. */
  randomSource(): RandomSource {
    this.random ??= { seed: this.scalar("seed"), step: this.scalar("step") };
    const { module } = this.origin();
    const occurrence = this.streams.get(module) ?? 0;
    this.streams.set(module, occurrence + 1);
    return { ...this.random, stream: `${module}#${occurrence}` };
  }

  private scalar(name: string): Tensor {
    return this.tensorOf(this.builder.input("scalar", name, { dtype: "int32", shape: [] }));
  }

  /** The user's line that runs; inside library modules the line where the module was made. */
  origin(running = userPlace("kilnTraceBoundary")): Origin {
    const module = moduleStack.findLast((m) => this.paths.has(m));
    const path = module === undefined ? "" : this.paths.get(module)!;
    const innermost = moduleStack.at(-1);
    const place =
      running ??
      (innermost === undefined ? undefined : this.places.get(innermost)) ??
      (this.lossModule && this.places.get(this.lossModule));
    return { file: place?.file ?? "", line: place?.line ?? 0, module: path };
  }

  private modelOrigin(): Origin {
    const place = this.model.constructedAt;
    return { file: place?.file ?? "", line: place?.line ?? 0, module: "" };
  }

  private input(name: string, type: TensorType): Tensor {
    const value = this.builder.input("input", name, type);
    this.inputs.push({ name, type });
    return this.tensorOf(value);
  }

  private tensorOf(value: Value): Tensor {
    const source: Source = { kind: "traced", value };
    this.values.set(source, value);
    return new Tensor(value.type.shape, value.type.dtype, source);
  }

  private state(name: string, tensor: Tensor): Input {
    const value = this.builder.input("state", name, { dtype: tensor.dtype, shape: tensor.shape });
    this.values.set(tensor.behind, value);
    this.current.set(tensor, value);
    this.inputsOfStates.set(tensor, value);
    this.states.set(name, tensor);
    return value;
  }

  /** The graph's value for a tensor; known numbers met on the way become constants in the store. */
  private valueOf(tensor: Tensor, isDetached = false): Value {
    const { behind } = tensor;
    const known = this.current.get(tensor) ?? this.values.get(behind);
    if (known !== undefined) return known;
    if (behind.kind === "traced") {
      throw new KilnError(
        "a tensor of another trace is used here: build everything inside forward from its inputs",
        [this.origin()],
      );
    }
    const { operation } = behind;
    if (operation === undefined) {
      if (this.isTraining && tensor.requiresGrad && !isDetached) throw this.strayParameter(tensor);
      return this.state(`constant.${this.states.size}`, tensor);
    }
    const inputs = operation.inputs.map((input) => this.valueOf(new Tensor(input.shape, input.dtype, input)));
    const value = this.builder.node(operation.op, inputs, operation.attrs);
    this.values.set(behind, value);
    return value;
  }
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** What somebody returned in place of a tensor. */
function described(result: unknown): string {
  if (result instanceof Promise) return "a promise: forward is not async, and awaits nothing";
  if (Array.isArray(result)) return "a list with something else in it, or nothing";
  return result === null || result === undefined ? "nothing" : `a ${typeof result}`;
}

/** Stack frames outside of this call belong to the user's program, not to the model. */
function kilnTraceBoundary<T>(body: () => T): T {
  return body();
}
