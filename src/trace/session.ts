/** A trace while it is made: runs a model's forward on symbolic tensors and records what it does as a graph. */

import { invariant, KilnError } from "../core/errors.ts";
import type { Origin } from "../core/origin.ts";
import { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Graph, Input, TensorType, Update, Value } from "../ir/types.ts";
import { opTable } from "../ops/registry.ts";
import { moduleStack, type RandomSource, type Recorder, recordWith } from "../tensor/context.ts";
import type { GradFn } from "../tensor/grad-fn.ts";
import { registerLeafHooks } from "../tensor/gradient-hooks.ts";
import { isLearned, type Source, Tensor } from "../tensor/tensor.ts";
import type { Tensors } from "../tensor/tensor-tree.ts";
import type { Version } from "../tensor/version.ts";
import { leaveMemory, type Memory, ownerOf, rejoinMemory } from "../tensor/view.ts";
import { arityOf, miscounted } from "./arity.ts";
import { assignsTo, changesNumber, keepsTensor, ofAnotherTrace, untrained } from "./mistakes.ts";
import { ModelFields } from "./model-fields.ts";
import { originAt, type Place, userPlaces } from "./origins.ts";
import { mistakeIn, mistakeInCarried, tensorsIn } from "./returned.ts";
import { StepEvents } from "./step-events.ts";
import type { Passed, Traceable, TraceableLoss, TraceableStep } from "./traceable.ts";
import { constantName, ValueNamer } from "./value-names.ts";

export interface Trace {
  readonly graph: Graph;
  /** The tensor behind every state of the graph: parameters, buffers and captured constants. */
  readonly states: ReadonlyMap<string, Tensor>;
  /** States that gradients are wanted for. */
  readonly parameters: readonly string[];
  /** The types of all inputs, targets last. */
  readonly inputs: readonly { readonly name: string; readonly type: TensorType }[];
  /** What the graph is right for: the fields of the model, and of the loss. */
  readonly assumes?: readonly ModelFields[];
  /** The structure of a run's result: lists and records with the indices of outputs. */
  readonly returned?: unknown;
  /** The names of everything that the loss returns; only `loss` if that is one tensor. */
  readonly losses?: readonly string[];
  /** The states that hold numbers which forward itself gives. */
  readonly written?: ReadonlySet<string>;
}

/** A tensor from outside of the trace, which represents a value of the graph during the trace. */
interface Adopted {
  readonly tensor: Tensor;
  /** Its value otherwise. */
  readonly source: Source;
  readonly madeBy: GradFn | null;
  /** The state it is in the graph. */
  readonly state: Input | undefined;
}

export class Session implements Recorder {
  readonly isBody = false;
  readonly builder = new GraphBuilder(opTable);
  private readonly states = new Map<string, Tensor>();
  /** By the tensor itself: two of them may hold the same numbers. */
  private readonly adopted = new Map<Tensor, Adopted>();
  /** Tensors that forward has created from numbers: each run creates them again. */
  private readonly local = new WeakSet<Tensor>();
  /** States that hold something else after the run, in the order in which they were first changed. */
  private readonly changed = new Set<Adopted>();
  /** What forward must not assign to, in words: parameters, and what shows their memory from outside. */
  private readonly fixed = new Map<Tensor, string>();
  /** Tensors that optimizers update, and the memory that each has left for the time of the trace. */
  private readonly left = new Map<Tensor, Memory | undefined>();
  private readonly constants = new Map<Version, Value>();
  private readonly written = new Set<string>();
  private readonly parameters: string[] = [];
  private readonly paths = new Map<object, string>();
  private readonly places = new Map<object, Place | undefined>();
  private readonly inputs: { name: string; type: TensorType }[] = [];
  /** How many random streams each module path has by now. */
  private readonly streams = new Map<string, number>();
  private readonly model: Traceable;
  private readonly isTraining: boolean;
  /** Events of gradients and optimizers, if a whole step is traced. */
  readonly step: StepEvents | undefined;
  private readonly namer: ValueNamer;
  private random: Pick<RandomSource, "seed" | "step"> | undefined;
  private lossModule: TraceableLoss | undefined;

  /**
   * Runs `body` with a session for `model`; afterwards every tensor is the same as before. In a training session
   * gradients are derived for the model's parameters; in a step, they and the updates are part of the trace.
   */
  static run<T>(model: Traceable, kind: "forward" | "training" | "step", body: (session: Session) => T): T {
    const session = new Session(model, kind);
    try {
      session.adoptStates();
      return body(session);
    } finally {
      session.release();
    }
  }

  private constructor(model: Traceable, kind: "forward" | "training" | "step") {
    this.isTraining = kind !== "forward";
    if (kind === "step") this.step = new StepEvents([...model.namedParameters()], this.stepHost());
    this.namer = new ValueNamer(model);
    for (const [path, module] of model.namedModules()) {
      this.paths.set(module, path);
      this.places.set(module, module.constructedAt);
    }
    this.model = model;
  }

  /**
   * Parameters and buffers come first, in the model's order. A buffer that shows another tensor's memory stands for
   * that.
   */
  private adoptStates(): void {
    for (const [name, parameter] of this.model.namedParameters()) {
      const owner = ownerOf(parameter);
      if (this.adopted.has(owner)) continue;
      // A frozen one is what forward makes of it, like a buffer.
      if (parameter.requiresGrad) {
        this.keepApart(owner, `the parameter ${name}`);
        if (this.step === undefined) this.fixed.set(owner, `the parameter ${name}`);
        this.parameters.push(name);
      }
      this.adoptState(name, owner, this.isTraining && parameter.requiresGrad);
    }
    for (const [name, buffer] of this.model.namedBuffers()) {
      const owner = ownerOf(buffer);
      if (!this.adopted.has(owner)) this.adoptState(name, owner, false);
    }
    for (const { tensor } of this.adopted.values()) registerLeafHooks(this, tensor);
  }

  /**
   * Views of a parameter's numbers from outside of forward keep the old ones after a step: for the program, those are a
   * separate state.
   */
  private keepApart(parameter: Tensor, words: string): void {
    if (this.left.has(parameter)) return;
    const memory = leaveMemory(parameter);
    this.left.set(parameter, memory);
    if (memory !== undefined) this.fixed.set(memory.tensor, words);
  }

  private release(): void {
    this.step?.release();
    for (const { tensor, source, madeBy } of this.adopted.values()) {
      tensor.late = undefined;
      tensor.become(source, madeBy);
    }
    for (const [tensor, memory] of this.left)
      rejoinMemory(tensor, memory, memory !== undefined && this.adopted.has(memory.tensor));
  }

  /**
   * The model's results for inputs of these types: at least one tensor, alone or in lists and records. With a carried
   * `state`, the model gets it as its last argument, and the state for the next run is not among the results.
   */
  forward(types: readonly TensorType[], { carried: state, arrange = (tensors) => tensors }: Passed): unknown {
    const { model } = this;
    const { declared, most } = arityOf(model);
    const handed = state === undefined ? [] : [state];
    const inputs = types.map((type, k) => this.input(types.length === 1 ? "x" : `x${k}`, type));
    const passed = arrange(inputs);
    const given = passed.length + handed.length;
    const listed = `inputs lists ${passed.length}${state === undefined ? "" : ", and a state is carried"}`;
    if (given > most) throw this.miscounted(listed);
    for (const [k, leaf] of tensorsIn(state).entries()) this.adoptState(`carried#${k}`, leaf, false);
    const result = this.keepingFields(() => {
      try {
        return model.forward(...passed, ...handed);
      } catch (error) {
        // A missing argument may be optional; if it is not, that is the mistake.
        throw given < declared ? this.miscounted(listed, error) : error;
      }
    });
    const mistake = mistakeIn(result, model.constructor.name);
    if (mistake !== undefined) throw new KilnError(mistake, [this.modelOrigin()]);
    return state === undefined ? result : this.handedOn(state, result);
  }

  /**
   * What `body` returns, whose operations are recorded; throws where it changes fields of modules, which no run would
   * do.
   */
  private keepingFields<T>(body: () => T): T {
    const fields = new ModelFields(this.model);
    const result = this.run(body);
    const carried = fields.restoreTensors();
    if (carried !== undefined) throw new KilnError(keepsTensor(carried), [this.modelOrigin()]);
    const counted = fields.changedNumber();
    if (counted !== undefined) throw new KilnError(changesNumber(counted), [this.modelOrigin()]);
    return result;
  }

  /** What a training step returns for inputs of these types. */
  wholeStep(step: TraceableStep, types: readonly TensorType[]): unknown {
    const inputs = types.map((type, k) => this.input(types.length === 1 ? "x" : `x${k}`, type));
    return this.keepingFields(() => step(...inputs));
  }

  /** What events of a step do to the graph. */
  private stepHost(): ConstructorParameters<typeof StepEvents>[1] {
    return {
      stateNamed: (name, tensor) => {
        if (!this.adopted.has(tensor))
          this.adoptState(this.states.has(name) ? `${name}#${this.states.size}` : name, tensor, false);
        return this.valueOf(tensor);
      },
      scalar: (name, dtype) => this.builder.input("scalar", name, { dtype, shape: [] }),
      assign: (tensor, value) => {
        const adopted = this.adopted.get(tensor);
        invariant(adopted !== undefined, "an optimizer updates what the graph has as states");
        this.changed.add(adopted);
        tensor.become(this.sourceOf(value, tensor.requiresGrad), null);
        registerLeafHooks(this, tensor);
      },
    };
  }

  /** Has what `result` ends with be the carried state of the next run, without its history; the rest of `result`. */
  private handedOn(state: Tensors, result: unknown): unknown {
    const mistake = mistakeInCarried(state, result, this.model.constructor.name);
    if (mistake !== undefined) throw new KilnError(mistake, [this.modelOrigin()]);
    const items = result as readonly unknown[];
    // All are read before one is changed: a state may come back in another order.
    const values = tensorsIn(items.at(-1)).map((tensor) => this.valueOf(tensor, true));
    for (const [k, leaf] of tensorsIn(state).entries()) {
      this.changed.add(this.adopted.get(leaf)!);
      leaf.become(this.sourceOf(values[k], false), null);
    }
    return items.slice(0, -1);
  }

  private miscounted(listed: string, error?: unknown): KilnError {
    return new KilnError(miscounted(this.model, listed, error), [this.modelOrigin()]);
  }

  targets(types: readonly TensorType[]): readonly Tensor[] {
    return types.map((type, k) => this.input(types.length === 1 ? "target" : `target${k}`, type));
  }

  /** What `body` returns, the function of a user whose operations are recorded. */
  run<T>(body: () => T): T {
    return recordWith(this, () => kilnTraceBoundary(body));
  }

  /** From here on the trace takes the fields of `loss` for granted, too. */
  goOnWith(loss: TraceableLoss): void {
    this.lossModule = loss;
    this.places.set(loss, loss.constructedAt);
  }

  finish(name: string, outputs: readonly { name: string; tensor: Tensor }[]): Trace {
    const values = outputs.map((o) => ({
      name: o.name,
      value: recordWith(this, () => this.valueOf(o.tensor)),
    }));
    const graph = this.builder.build(name, values, this.updates());
    const names = this.namer.finish(graph.inputs);
    return {
      graph: names.size === 0 ? graph : { ...graph, names },
      states: this.states,
      parameters: this.parameters,
      inputs: this.inputs,
      written: this.written,
      assumes: [this.model, this.lossModule].flatMap((part) => (part ? [new ModelFields(part)] : [])),
    };
  }

  record(op: string, inputs: readonly Tensor[], attrs: Attrs): Tensor {
    const stopsGradient = op === "detach";
    const values = inputs.map((t) => this.valueOf(t, stopsGradient));
    const calls = userPlaces("kilnTraceBoundary");
    const known = this.origin(calls);
    const origins = known.line === 0 ? values.flatMap((v) => this.builder.originsOf(v)).slice(-1) : [known];
    const value = this.builder.at(origins, () => this.builder.node(op, values, attrs));
    this.namer.recorded(calls[0], value);
    return this.tensorOf(value, !stopsGradient && isLearned(value.type, inputs));
  }

  isLocal(tensor: Tensor): boolean {
    return tensor.recorder === this && (this.local.has(tensor) || !this.adopted.has(tensor));
  }

  made(tensor: Tensor): void {
    this.local.add(tensor);
  }

  change(owner: Tensor, isConstraint = false): void {
    const fixed = isConstraint && this.left.has(owner) ? undefined : this.fixed.get(owner);
    if (fixed !== undefined) throw new KilnError(assignsTo(fixed), [this.origin()]);
    this.valueOf(owner, true);
    const adopted = this.adopted.get(owner);
    // What forward has made or was given lives for one run.
    if (adopted?.state !== undefined) this.changed.add(adopted);
  }

  /** A copy has no other user, so that reading the value elsewhere never reads the buffer before or after its time. */
  private updates(): Update[] {
    return [...this.changed].map(({ tensor, state }) => {
      const value = recordWith(this, () => this.valueOf(tensor));
      return {
        target: state!,
        value: this.builder.at(this.builder.originsOf(value), () => this.builder.node("copy", [value])),
      };
    });
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
    return this.tensorOf(this.builder.input("scalar", name, { dtype: "int32", shape: [] }), false);
  }

  /** The user's line that runs; inside library modules the line where the module was made. */
  origin(calls = userPlaces("kilnTraceBoundary")): Origin {
    const module = moduleStack.findLast((m) => this.paths.has(m));
    const path = module === undefined ? "" : this.paths.get(module)!;
    const innermost = moduleStack.at(-1);
    const place =
      calls[0] ??
      (innermost === undefined ? undefined : this.places.get(innermost)) ??
      (this.lossModule && this.places.get(this.lossModule));
    return originAt(place, path, calls);
  }

  modelOrigin(): Origin {
    const { file = "", line = 0 } = this.model.constructedAt ?? {};
    return { file, line, module: "" };
  }

  private input(name: string, type: TensorType): Tensor {
    const value = this.builder.input("input", name, type);
    this.inputs.push({ name, type });
    return this.tensorOf(value, false);
  }

  private tensorOf(value: Value, tracksGradient: boolean): Tensor {
    return new Tensor(value.type.shape, value.type.dtype, this.sourceOf(value, tracksGradient));
  }

  private sourceOf(value: Value, tracksGradient: boolean): Source {
    return { kind: "traced", value, tracksGradient, by: this };
  }

  /** From here on `tensor`, which owns its memory, represents a state of that name. */
  private adoptState(name: string, tensor: Tensor, tracksGradient: boolean): void {
    const { dtype, shape } = tensor;
    const state = this.builder.input("state", name, { dtype, shape });
    this.adopt(tensor, state, state, tracksGradient);
    this.states.set(name, tensor);
  }

  private adopt(tensor: Tensor, value: Value, state: Input | undefined, tracksGradient: boolean): void {
    invariant(!this.adopted.has(tensor), "a tensor comes into a trace once");
    const { behind: source, gradFn: madeBy } = tensor;
    this.adopted.set(tensor, { tensor, source, madeBy, state });
    tensor.become(this.sourceOf(value, tracksGradient), null);
  }

  /** The graph's value for a tensor; tensors from outside become states when they are first met. */
  valueOf(tensor: Tensor, isDetached = false): Value {
    const { behind } = tensor;
    if (behind.kind === "traced") {
      if (behind.by === this) return behind.value;
      throw new KilnError(ofAnotherTrace(behind.by.isBody), [this.origin()]);
    }
    const owner = ownerOf(tensor);
    if (this.local.has(owner)) {
      this.adopt(owner, this.constantOf(owner.version), undefined, owner.requiresGrad);
    } else {
      if (this.isTraining && tensor.requiresGrad && !isDetached)
        throw new KilnError(untrained(tensor), [this.origin()]);
      if (owner.requiresGrad && owner.isLeaf) this.keepApart(owner, "a tensor that wants gradients");
      this.adoptState(constantName(this.states), owner, false);
    }
    return this.valueOf(tensor, isDetached);
  }

  /** Numbers that no tensor of the program's user can change. */
  private constantOf(version: Version): Value {
    const known = this.constants.get(version);
    if (known !== undefined) return known;
    const name = constantName(this.states);
    const value = this.builder.input("state", name, version.type);
    this.constants.set(version, value);
    this.written.add(name);
    this.states.set(name, new Tensor(version.shape, version.dtype, version.shared()));
    return value;
  }
}

/** Stack frames outside of this call belong to the user's program, not to the model. */
function kilnTraceBoundary<T>(body: () => T): T {
  return body();
}
