/**
 * Records the body of a loop: a function of tensors that runs once, on symbolic tensors for those of any iteration.
 * Tensors that it reads from outside become inputs that all iterations share.
 */

import { KilnError } from "../core/errors.ts";
import type { Origin } from "../core/origin.ts";
import { GraphBuilder } from "../ir/builder.ts";
import type { Attrs, Graph, Input, TensorType, Value } from "../ir/types.ts";
import { opTable } from "../ops/registry.ts";
import {
  currentEvaluator,
  currentRecorder,
  type RandomSource,
  type Recorder,
  recordWith,
} from "../tensor/context.ts";
import { randomSource } from "../tensor/random.ts";
import { apply, isLearned, outsideBody, Tensor } from "../tensor/tensor.ts";
import { changesOutside } from "./mistakes.ts";

/** A tensor under the name that it has in the body. */
export interface Named {
  readonly name: string;
  readonly tensor: Tensor;
}

/** What a body has become. */
export interface RecordedBody {
  /**
   * Its inputs are the given elements, the number of the iteration if it reads that, and the tensors from outside.
   */
  readonly graph: Graph;
  readonly readsIteration: boolean;
  readonly captured: readonly Tensor[];
}

export class BodyRecorder implements Recorder {
  readonly isBody = true;
  readonly builder = new GraphBuilder(opTable);
  private readonly outer = currentRecorder();
  private readonly iterations: number;
  private readonly given: Input[] = [];
  /** What is read from outside: a tensor that wants gradients by itself, others by what stands behind them. */
  private readonly captured = new Map<object, { readonly tensor: Tensor; readonly own: Tensor }>();
  /** Tensors that the body has created from numbers. */
  private readonly local = new WeakSet<Tensor>();
  private readonly names = new Set<string>();
  private iteration: Tensor | undefined;

  constructor(iterations: number) {
    this.iterations = iterations;
  }

  /** The value of a tensor in each iteration. */
  element(name: string, type: TensorType, tracksGradient: boolean): Tensor {
    const input = this.builder.input("input", this.unusedName(name), type);
    this.given.push(input);
    return this.tensorOf(input, tracksGradient);
  }

  finish(name: string, outputs: readonly Named[]): RecordedBody {
    const graph = this.builder.build(
      name,
      outputs.map((output) => ({ name: output.name, value: this.valueOf(output.tensor) })),
    );
    const captured = [...this.captured.values()];
    const first = [...this.given, ...(this.iteration === undefined ? [] : [this.inputOf(this.iteration)])];
    return {
      graph: { ...graph, inputs: [...first, ...captured.map(({ own }) => this.inputOf(own))] },
      readsIteration: this.iteration !== undefined,
      captured: captured.map(({ tensor }) => tensor),
    };
  }

  record(op: string, inputs: readonly Tensor[], attrs: Attrs): Tensor {
    const stopsGradient = op === "detach";
    const values = inputs.map((tensor) => this.valueOf(tensor, stopsGradient));
    const origin = this.origin();
    const origins = origin.line === 0 ? values.flatMap((v) => this.builder.originsOf(v)).slice(-1) : [origin];
    const value = this.builder.at(origins, () => this.builder.node(op, values, attrs));
    return this.tensorOf(value, !stopsGradient && isLearned(value.type, inputs));
  }

  isLocal(tensor: Tensor): boolean {
    return tensor.recorder === this;
  }

  made(tensor: Tensor): void {
    this.local.add(tensor);
    this.outer?.made(tensor);
  }

  change(owner: Tensor): void {
    const { behind } = owner;
    if (behind.kind === "traced" && behind.by === this) return;
    if (!this.local.has(owner)) throw new KilnError(changesOutside(owner), [this.origin()]);
    owner.become({ kind: "traced", value: this.valueOf(owner), tracksGradient: false, by: this }, null);
  }

  /**
   * The iteration's number tells apart what iterations draw; of loops within each other it counts through all of them.
   */
  randomSource(): RandomSource {
    const outer = recordWith(this.outer, randomSource);
    this.iteration ??= this.tensorOf(
      this.builder.input("input", this.unusedName("iteration"), { dtype: "int32", shape: [] }),
      false,
    );
    if (outer.iteration === undefined) return { ...outer, iteration: this.iteration };
    // Floats count exactly up to 2²⁴.
    const before = outer.iteration.float().mul(this.iterations);
    return { ...outer, iteration: before.add(this.iteration.float()).int() };
  }

  origin(): Origin {
    return (this.outer ?? currentEvaluator())?.origin() ?? { file: "", line: 0, module: "" };
  }

  private tensorOf(value: Value, tracksGradient: boolean): Tensor {
    const { shape, dtype } = value.type;
    return new Tensor(shape, dtype, { kind: "traced", value, tracksGradient, by: this });
  }

  valueOf(tensor: Tensor, isDetached = false): Value {
    const { behind } = tensor;
    if (behind.kind === "traced") {
      if (behind.by === this) return behind.value;
      if (behind.by.isBody && !this.isWithin(behind.by)) {
        throw new KilnError(outsideBody("scan"), [this.origin()]);
      }
    }
    return this.inputOf(this.capture(tensor, isDetached));
  }

  private isWithin(other: Recorder): boolean {
    return this.outer === other || (this.outer instanceof BodyRecorder && this.outer.isWithin(other));
  }

  /** The value in the body for a tensor from outside. */
  private capture(tensor: Tensor, isDetached: boolean): Tensor {
    const { behind, requiresGrad } = tensor;
    const key = requiresGrad && !isDetached ? tensor : behind;
    const known = this.captured.get(key);
    if (known !== undefined) return known.own;
    const shown = recordWith(this.outer, () => {
      // What the body goes on to change is another tensor outside.
      if (this.local.has(tensor)) return tensor.twin();
      return requiresGrad && isDetached ? apply("detach", [tensor]) : tensor;
    });
    if (shown !== tensor && this.local.has(tensor)) this.outer?.made(shown);
    const own = this.tensorOf(
      this.builder.input("input", this.unusedName(nameOf(tensor)), {
        dtype: shown.dtype,
        shape: shown.shape,
      }),
      shown.requiresGrad,
    );
    this.captured.set(key, { tensor: shown, own });
    return own;
  }

  private inputOf(tensor: Tensor): Input {
    return (tensor.behind as { readonly value: Input }).value;
  }

  private unusedName(wish: string): string {
    let name = wish;
    for (let k = 1; this.names.has(name); k++) name = `${wish}_${k}`;
    this.names.add(name);
    return name;
  }
}

/** What a tensor is called in the graph outside, as far as it has a name there. */
function nameOf({ behind }: Tensor): string {
  if (behind.kind !== "traced" || behind.value.kind !== "input") return "shared";
  return behind.value.name.replace(/[^A-Za-z0-9_]/g, "_");
}
