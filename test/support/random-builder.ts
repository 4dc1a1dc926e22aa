/** Grows random nets step by step: layers and functions of the tables, and joins of values, where they fit. */

import { KilnError, nn, rand, type Tensor, zeros } from "kiln-js";
import { type Shape, sameShape, sizeOf } from "../../src/core/shape.ts";
import { type Draws, small } from "./random-catalogue/entry.ts";
import { FUNCTIONS } from "./random-catalogue/functions.ts";
import { LAYERS } from "./random-catalogue/layers.ts";
import { type NetStep, nextValue } from "./random-net.ts";

/** One step: what it does, and numbers from which it picks operands and options. */
export interface StepSpec extends Draws {
  readonly kind: string;
  readonly from: number;
}

/** Steps that are neither layers nor functions: joins of any two values, parameters of their own, layers used again. */
export const JOINS = [
  ...["concat", "logistic", "euler", "scale", "shift", "straight-through"],
  ...["half-detached", "softmax-weight", "log-softmax-weight", "gate-detached", "peak", "attend"],
  ...["in-place", "center", "excite", "shared"],
];

/** Larger tensors than these only make the test slow. */
const MOST_ELEMENTS = 600;
/** More axes than volumes have. */
const MOST_AXES = 6;
/** A step, and the layers and the weight that it is the first to use. */
interface Proposal {
  readonly step: NetStep;
  readonly layers?: readonly nn.Module[];
  readonly weight?: nn.Parameter;
}

/** A net while it grows: probes find out the shape of each value. */
export class NetBuilder {
  readonly layers: nn.Module[] = [];
  readonly weights: nn.Parameter[] = [];
  readonly steps: NetStep[] = [];
  readonly kinds: string[] = [];
  private readonly probes: Tensor[];
  /** The first use of each layer that takes one value. */
  private readonly uses: { readonly shape: Shape; readonly step: NetStep }[] = [];

  constructor(inputs: readonly Tensor[]) {
    this.probes = inputs.map((input) => (input.dtype === "int32" ? input : zeros(...input.shape)));
  }

  get count(): number {
    return this.probes.length;
  }

  /** Indices of the last values, at most `count`. */
  newest(count: number): number[] {
    const numbers = this.probes.flatMap(({ dtype }, k) => (dtype === "float32" ? [k] : []));
    return numbers.reverse().slice(0, count);
  }

  features(value: number): number {
    return sizeOf(this.probes[value].shape.slice(1));
  }

  addLayer(kind: string, a: number, layer: nn.Module): void {
    this.push(kind, { step: { op: "layer", layer: this.layers.length, a }, layers: [layer] });
  }

  add(spec: StepSpec): void {
    // Two times in three the newest value, so that chains arise.
    const a = spec.from % 3 > 0 ? this.count - 1 : spec.from % this.count;
    if (this.probes[a].dtype !== "float32") return;
    const { kind } = spec;
    if (kind in LAYERS) {
      this.addFromTable(spec, a);
      return;
    }
    const { shape } = this.probes[a];
    const proposal = kind in FUNCTIONS ? this.applied(spec, a, shape) : this.join(spec, a, shape);
    if (proposal !== undefined) this.push(kind, proposal);
  }

  /** A layer of the table, with the value reshaped to the number of axes that the layer needs. */
  private addFromTable({ kind, a: x, b: y, c: z }: StepSpec, from: number): void {
    const { rank, entry } = LAYERS[kind];
    const a = rank === undefined ? from : this.ofRank(from, rank);
    if (a === undefined) return;
    const { shape } = this.probes[a];
    const draws = { a: x, b: y, c: z };
    const make = typeof entry === "function" ? entry : entry.make;
    const layer = attempt(() => make(shape, draws));
    if (layer === undefined || !fits(layer, shape)) return;
    if (typeof entry === "function") {
      this.addLayer(kind, a, layer);
      return;
    }
    const step = {
      op: "called",
      kind,
      layer: this.layers.length,
      a,
      b: this.like(shape, x + y),
      draws,
    } as const;
    this.push(kind, { step, layers: [layer] });
  }

  /** The value `a` with so many axes: the last ones joined, or the largest ones divided. */
  private ofRank(a: number, rank: number): number | undefined {
    const { shape } = this.probes[a];
    if (shape.length === rank) return a;
    const wanted = withRank(shape, rank);
    const before = this.count;
    this.push("reshape", { step: { op: "reshape", a, shape: wanted } });
    return this.count > before ? before : undefined;
  }

  private applied({ kind, a: x, b: y, c: z }: StepSpec, a: number, shape: Shape): Proposal {
    const axis = 1 + (z % (shape.length - 1));
    const b = this.like(shape, x + y);
    return { step: { op: "function", kind, a, b, axis, draws: { a: x, b: y, c: z } } };
  }

  /** The value of a step that is in no table; undefined if it does not fit. */
  private join({ kind, a: x, b: y }: StepSpec, a: number, shape: Shape): Proposal | undefined {
    const rank = shape.length;
    const axis = 1 + (y % (rank - 1));
    switch (kind) {
      case "gate-detached":
        return { step: { op: kind, a, b: this.like(shape, x) } };
      case "concat": {
        const b = this.pick(
          x,
          (s) => s.length === rank && s.every((extent, k) => k === 1 || extent === shape[k]),
        );
        return { step: { op: kind, a, b: b ?? a } };
      }
      case "logistic":
      case "euler":
        return { step: { op: kind, a, times: small(x, 12) } };
      case "scale":
      case "shift":
      case "straight-through":
      case "half-detached": {
        const last = shape[rank - 1];
        const shapes = [[], [1], [last], [1, last], [shape[1], ...shape.slice(2).map(() => 1)]];
        const step = { op: kind, a, weight: this.weights.length } as const;
        return { step, weight: weightOf(shapes[y % shapes.length], kind === "shift" ? 0 : 1) };
      }
      case "softmax-weight":
      case "log-softmax-weight": {
        const step = { op: kind, a, weight: this.weights.length, dim: y % (rank - 1) } as const;
        return { step, weight: weightOf(shape.slice(1), 0) };
      }
      case "peak":
      case "in-place":
        return { step: { op: kind, a } };
      case "attend":
        return rank < 3 ? undefined : { step: { op: kind, a } };
      case "center": {
        const dims = shape.flatMap((_, k) => (k > 0 && ((y >> k) & 1 || k === axis) ? [k] : []));
        return { step: { op: kind, a, dims } };
      }
      case "excite": {
        if (rank < 3) return undefined;
        const hidden = small(x, 3);
        const layers = [this.layers.length, this.layers.length + 1] as const;
        return {
          step: { op: kind, a, layers },
          layers: [new nn.Linear(shape[1], hidden), new nn.Linear(hidden, shape[1])],
        };
      }
      case "shared": {
        const use = this.uses.find((own) => sameShape(own.shape, shape));
        return use && { step: { ...use.step, a } };
      }
      default:
        throw new Error(`no join is called ${kind}`);
    }
  }

  private push(kind: string, { step, layers = [], weight }: Proposal): void {
    const parts = {
      layers: [...this.layers, ...layers].map((layer) => layer.eval()),
      weights: weight === undefined ? this.weights : [...this.weights, weight],
    };
    const probe = attempt(() => nextValue(step, this.probes, parts));
    for (const layer of parts.layers) layer.train();
    if (probe === undefined || !isUsable(probe, this.probes[step.a].shape)) return;
    if (layers.length === 1) this.uses.push({ shape: this.probes[step.a].shape, step });
    this.layers.push(...layers);
    if (weight !== undefined) this.weights.push(weight);
    this.steps.push(step);
    this.kinds.push(kind);
    this.probes.push(zeros(...probe.shape));
  }

  /** A value of that shape; `a` itself is one. */
  private like(shape: Shape, k: number): number {
    return this.pick(k, (other) => sameShape(other, shape))!;
  }

  private pick(k: number, isFit: (shape: Shape) => boolean): number | undefined {
    const found = this.probes.flatMap(({ shape, dtype }, value) =>
      dtype === "float32" && isFit(shape) ? [value] : [],
    );
    return found.length === 0 ? undefined : found[k % found.length];
  }
}

const weightOf = (shape: Shape, around: number): nn.Parameter =>
  new nn.Parameter(
    rand(...shape)
      .sub(0.5)
      .add(around),
  );

/** Whether further steps can use it: one batch of floats, not too large. */
const isUsable = ({ shape, dtype }: Tensor, [batch]: Shape): boolean =>
  dtype === "float32" &&
  shape.length > 1 &&
  shape.length <= MOST_AXES &&
  shape[0] === batch &&
  sizeOf(shape) > 0 &&
  sizeOf(shape) <= MOST_ELEMENTS;

/** Batch statistics need two values for each channel, and an instance's two of one channel. */
function fits(layer: nn.Module, shape: Shape): boolean {
  const ofBatch = [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d];
  const ofInstance = [nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d];
  if (ofBatch.some((kind) => layer instanceof kind)) return sizeOf(shape) > shape[1];
  return !ofInstance.some((kind) => layer instanceof kind) || sizeOf(shape.slice(2)) > 1;
}

function withRank(shape: Shape, rank: number): Shape {
  if (shape.length > rank) return withRank([...shape.slice(0, -2), sizeOf(shape.slice(-2))], rank);
  if (shape.length === rank) return shape;
  const axis = shape.indexOf(Math.max(...shape.slice(1)), 1);
  const factor = [2, 3, 5].find((divisor) => shape[axis] % divisor === 0) ?? 1;
  return withRank(shape.toSpliced(axis, 1, factor, shape[axis] / factor), rank);
}

/** The result of `make`; undefined if it throws: padding and windows that a small image cannot have. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof KilnError) return undefined;
    throw error;
  }
}
