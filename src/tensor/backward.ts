/**
 * Gradients of tensors: the recorded operations become a graph, which is differentiated by the same code as compiled
 * models. The new operations are lazy like any others, or become part of the graph that is being traced.
 */

import { KilnError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/shape.ts";
import type { Graph, Value } from "../ir/types.ts";
import { boundGradients } from "./backlog.ts";
import { currentRecorder, type Differentiator, type GradientOptions, type Recorder } from "./context.ts";
import { type AccumulateGrad, type GradFn, OperationGradFn } from "./grad-fn.ts";
import { withGradMode } from "./grad-mode.ts";
import { behindHooks, hooked } from "./gradient-hooks.ts";
import { historyOf, hookedBehind, leavesBehind, type Point } from "./history.ts";
import { rememberKept } from "./pending.ts";
import { edgeIn } from "./remember.ts";
import { type Known, replayer } from "./replay.ts";
import { Tensor } from "./tensor.ts";
import { withOrigin } from "./with-origin.ts";

/**
 * Propagates cotangents back through a graph: `seeds` arrive at its first outputs, with ones for missing ones; the
 * values are the cotangents of its other outputs.
 */
export type TakeBack = (
  graph: Graph,
  seeds: readonly (Value | undefined)[],
) => { readonly graph: Graph; readonly values: readonly (Value | undefined)[] };

/** What goes back through tensors' histories, given how that is done with a graph. */
export const differentiatorWith = (takeBack: TakeBack): Differentiator => ({
  gradients: (callee, roots, cotangents, inputs, options) =>
    withOrigin(() => {
      const recorder = currentRecorder();
      const points = roots.map((root) => pointOf(callee, recorder, root));
      const arriving = roots.map((root, k) => checkedCotangent(callee, root, cotangents[k]));
      const wanted = inputs.map((input, k) => {
        const edge = edgeIn(recorder, input);
        if (edge !== undefined) return behindHooks(edge);
        throw new KilnError(
          `${callee} is asked for the gradient of ${inputs.length === 1 ? "a tensor" : `tensor ${k} of its inputs`} ` +
            "that requires none: call requiresGrad_() on it before it is used",
        );
      });
      const gradients = gradientsOf(takeBack, recorder, points, arriving, wanted, options);
      return inputs.map((input, k) => {
        const gradient = tensorOf(gradients[k], input, recorder, options);
        if (gradient !== undefined && recorder === undefined) boundGradients([gradient.version]);
        return gradient;
      });
    }),
  backward: (root, cotangent, inputs, options) =>
    withOrigin(() => {
      const recorder = currentRecorder();
      const point = pointOf("backward()", recorder, root);
      const arriving = checkedCotangent("backward()", root, cotangent);
      const wanted = inputs === undefined ? undefined : inputs.map((input) => targetOf(recorder, input));
      const targets = wanted ?? leavesBehind([point.edge]).map((edge) => ({ edge, tensor: edge.variable }));
      const step = recorder?.step;
      step?.differentiated(root);
      if (recorder !== undefined && step === undefined)
        for (const { tensor } of targets) requireLocal(recorder, tensor);
      const edges = targets.map(({ edge }) => edge);
      const gradients = gradientsOf(takeBack, recorder, [point], [arriving], edges, options);
      targets.forEach(({ tensor }, k) => {
        const gradient = tensorOf(gradients[k], tensor, recorder, options);
        if (gradient === undefined) return;
        if (tensor.grad === null) step?.received(tensor);
        accumulate(tensor, gradient, options);
      });
      if (recorder !== undefined) return;
      if (root.numel() === 1) rememberKept(root.version);
      boundGradients(targets.flatMap(({ tensor: { grad } }) => (grad === null ? [] : [grad.version])));
    }),
});

interface Target {
  readonly edge: GradFn;
  readonly tensor: Tensor;
}

function targetOf(recorder: Recorder | undefined, tensor: Tensor): Target {
  const edge = edgeIn(recorder, tensor);
  if (edge !== undefined) return { edge: behindHooks(edge), tensor };
  throw new KilnError("backward() is given a tensor among its inputs that requires no gradient");
}

/** Throws for what a program cannot add to: only an optimizer's step knows gradients of what lives on. */
function requireLocal(recorder: Recorder, tensor: Tensor): void {
  if (recorder.isLocal(tensor)) return;
  throw new KilnError(
    `backward() is called inside forward, and reaches a parameter ${tensor.dtype}${formatShape(tensor.shape)}: ` +
      "compileTraining derives its gradient itself. For gradients of tensors that forward has, use autograd.grad, or " +
      "backward({ inputs: [x], createGraph: true })",
  );
}

/** What a tensor is to those who go back from it. */
function pointOf(callee: string, recorder: Recorder | undefined, root: Tensor): Point {
  const { operand, edge } = knownOf(recorder, root);
  if (edge !== undefined) return { operand, edge };
  throw new KilnError(
    `${callee} is called on a tensor that no gradient is remembered for: it was computed from tensors without ` +
      "requiresGrad, or inside noGrad",
  );
}

const knownOf = (recorder: Recorder | undefined, tensor: Tensor): Known => ({
  operand: recorder === undefined ? tensor.version : recorder.valueOf(tensor),
  edge: edgeIn(recorder, tensor),
});

function checkedCotangent(callee: string, root: Tensor, cotangent: Tensor | undefined): Tensor | undefined {
  if (cotangent === undefined) {
    if (root.numel() === 1) return undefined;
    throw new KilnError(
      `${callee} of a tensor of shape ${formatShape(root.shape)} needs the gradient that arrives at it, a tensor of ` +
        "the same shape; without one it is called on a single number, such as a loss",
    );
  }
  if (!sameShape(cotangent.shape, root.shape) || cotangent.dtype !== root.dtype) {
    throw new KilnError(
      `${callee} is given a gradient ${cotangent.dtype}${formatShape(cotangent.shape)} for a tensor ` +
        `${root.dtype}${formatShape(root.shape)}: both must be of one type`,
    );
  }
  return cotangent;
}

/** The terms of the gradient sums that arrive at each of `wanted`; none if nothing arrives. */
function gradientsOf(
  takeBack: TakeBack,
  recorder: Recorder | undefined,
  points: readonly Point[],
  arriving: readonly (Tensor | undefined)[],
  wanted: readonly GradFn[],
  options: GradientOptions,
): readonly (readonly Known[])[] {
  const { createGraph, retainGraph } = options;
  const passed = new Set<OperationGradFn>();
  const terms = new Map<GradFn, readonly Known[]>();
  /** Goes from `roots` to all of `goals`, and behind none of `ends`. */
  const goBack = (
    roots: readonly Point[],
    seeds: readonly (Tensor | undefined)[],
    goals: readonly GradFn[],
    ends: ReadonlySet<GradFn>,
  ): void => {
    const cotangents = seeds.map((tensor) => tensor && knownOf(recorder, tensor));
    const history = historyOf(roots, cotangents, goals, createGraph, recorder, ends);
    const derived = takeBack(history.graph, history.seeds);
    const replay = replayer(history.known, recorder, (value) => derived.graph.origins.get(value));
    let next = 0;
    for (const [k, count] of history.counts.entries()) {
      const own = derived.values.slice(next, next + count).filter((value) => value !== undefined);
      next += count;
      terms.set(goals[k], [...(terms.get(goals[k]) ?? []), ...own.map(replay)]);
    }
    for (const operation of history.operations) passed.add(operation);
  };
  const distinct = [...new Set(wanted)];
  // In a trace hooks are part of the graph.
  const edges = points.map(({ edge }) => edge);
  const hookedOnes = recorder === undefined ? hookedBehind(edges, new Set(distinct)) : [];
  goBack(points, arriving, [...new Set([...distinct, ...hookedOnes])], new Set(hookedOnes));
  for (const [k, fn] of hookedOnes.entries()) {
    const gradient = tensorOf(terms.get(fn) ?? [], typeAt(fn), recorder, options);
    if (gradient === undefined) continue;
    const changed = withGradMode(createGraph, () => hooked(fn.hooks, gradient));
    terms.set(fn, [knownOf(recorder, changed)]);
    const behind = new Set(hookedOnes.slice(k + 1));
    const goals = [...new Set([...distinct, ...behind])].filter((goal) => goal !== fn);
    if (fn instanceof OperationGradFn)
      goBack([{ operand: fn.saved.output, edge: fn }], [changed], goals, behind);
  }
  if (!retainGraph) for (const operation of passed) operation.free();
  return wanted.map((fn) => terms.get(fn) ?? []);
}

/** The type of the tensors that a function has made. */
const typeAt = (fn: GradFn): Pick<Tensor, "shape" | "dtype"> =>
  fn instanceof OperationGradFn ? fn.saved.output.type : (fn as AccumulateGrad).variable;

/** The tensor of a gradient for `input`; without `createGraph` it has no history. */
function tensorOf(
  terms: readonly Known[],
  { shape, dtype }: Pick<Tensor, "shape" | "dtype">,
  recorder: Recorder | undefined,
  { createGraph }: GradientOptions,
): Tensor | undefined {
  const tensors = terms.map(({ operand, edge }) => {
    const isVersion = operand.kind === "version";
    const tensor = isVersion
      ? // The gradient's memory is its own: what the user does to it in place reaches no other tensor.
        new Tensor(shape, dtype, operand.shared())
      : new Tensor(shape, dtype, { kind: "traced", value: operand, tracksGradient: true, by: recorder! });
    if (edge !== undefined) tensor.become(tensor.behind, edge);
    return isVersion || createGraph ? tensor : tensor.detach();
  });
  if (tensors.length === 0) return undefined;
  return tensors.reduce((sum, term) => withGradMode(createGraph, () => sum.add(term)));
}

/** Adds what arrives to the `grad` of `leaf`. */
function accumulate(leaf: Tensor, arriving: Tensor, { createGraph }: GradientOptions): void {
  const { grad } = leaf;
  const sum = grad === null ? arriving : withGradMode(createGraph, () => grad.add(arriving));
  leaf.grad = sum;
  if (!sum.isTraced) sum.version.isSaved = true;
}
