/**
 * GradFn: a tensor's record of the operation that made it, so that `backward` can go back through it and users can walk
 * the graph (`loss.gradFn.nextFunctions`). Names and the order of edges come from the op's definition.
 */

import { KilnError } from "../core/errors.ts";
import { RESULT } from "../ir/body.ts";
import type { Attrs, Value } from "../ir/types.ts";
import { definitionOf } from "../ops/registry.ts";
import type { GradientHook } from "./gradient-hooks.ts";
import type { Tensor } from "./tensor.ts";
import type { Version } from "./version.ts";

/** One edge of the graph: the function of an input, and which of its outputs it was; `null` if no gradient flows. */
export type NextFunction = readonly [GradFn | null, 0];

const NO_HOOKS: readonly GradientHook[] = [];

/** An operation that made a tensor, as the backward pass sees it. */
export abstract class GradFn {
  /** PyTorch's name, such as `AddmmBackward`. */
  abstract readonly name: string;
  /** Where gradients go from here, in PyTorch's order. */
  abstract readonly nextFunctions: readonly NextFunction[];
  /** What is called, in order, with a gradient that arrives here; another list after every change. */
  hooks: readonly GradientHook[] = NO_HOOKS;

  toString(): string {
    return `<${this.name} object>`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** The end of a path: a leaf, whose `grad` receives what arrives. */
export class AccumulateGrad extends GradFn {
  readonly name = "AccumulateGrad";
  readonly nextFunctions = [];
  /** The leaf whose `grad` it adds to. */
  readonly variable: Tensor;

  constructor(variable: Tensor) {
    super();
    this.variable = variable;
  }
}

/** The value of a tensor: a version of its numbers, or a value of the graph that is being traced. */
export type Operand = Version | Value;

/** What `backward` needs to derive an operation's gradient. */
export interface SavedOperation {
  readonly op: string;
  readonly attrs: Attrs;
  readonly inputs: readonly Operand[];
  readonly output: Operand;
}

function nameOf({ op, inputs, attrs }: SavedOperation): string {
  const { name } = definitionOf(op).backward;
  const types = inputs.map(({ type }) => type);
  return typeof name === "string" ? name : name(types, attrs);
}

/** An operation on tensors at least one of which requires a gradient. */
export class OperationGradFn extends GradFn {
  readonly name: string;
  /** The function behind each of the op's inputs. */
  readonly edges: readonly (GradFn | undefined)[];
  /** In a trace, of an operation that is nothing but a tensor's hook: where gradients for the tensor go behind it. */
  hookedFor: GradFn | undefined;
  private readonly op: string;
  private readonly attrs: Attrs;
  private operation: SavedOperation | undefined;

  constructor(operation: SavedOperation, edges: readonly (GradFn | undefined)[]) {
    super();
    this.name = edges[0] && operation.op === RESULT ? edges[0].name : nameOf(operation);
    this.op = operation.op;
    this.attrs = operation.attrs;
    this.operation = operation;
    this.edges = edges;
  }

  get nextFunctions(): readonly NextFunction[] {
    // All results of an op show as the op itself.
    if (this.edges[0] && this.op === RESULT) return this.edges[0].nextFunctions;
    const { edges, transposed } = definitionOf(this.op).backward;
    const order = typeof edges === "function" ? edges(this.attrs) : (edges ?? this.edges.map((_, k) => k));
    return order
      .filter((input) => input < this.edges.length)
      .map((input) => {
        const next = this.edges[input] ?? null;
        return [next !== null && input === transposed ? new TransposeGradFn(next) : next, 0];
      });
  }

  /** The operation; throws when an earlier `backward` has let go of it. */
  get saved(): SavedOperation {
    if (this.operation === undefined) {
      throw new KilnError(
        "backward() is called a second time through the same graph, but the first call has freed what it had saved: " +
          "give the first call { retainGraph: true }, or compute the result again",
      );
    }
    return this.operation;
  }

  /** Lets go of what was saved; a view saves nothing, and may be looked through again. */
  free(): void {
    if (definitionOf(this.op).view === undefined) this.operation = undefined;
  }
}

/**
 * The transpose that PyTorch's linear layer takes of its weight and Kiln's does not need; it shows when walking the
 * graph.
 */
class TransposeGradFn extends GradFn {
  readonly name = "TBackward";
  readonly nextFunctions: readonly NextFunction[];

  constructor(next: GradFn) {
    super();
    this.nextFunctions = [[next, 0]];
  }
}
