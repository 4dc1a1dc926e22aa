/** Arrays in scratch by their shapes, and the kernels and loops made over them. */

import { sizeOf } from "../../../../src/core/shape.ts";
import { add, dot, int, load, variable } from "../../../../src/loop/build.ts";
import { type ProgramBuffer, scratchFor } from "../../../../src/loop/program.ts";
import type { Step } from "../../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { usedBuffers, withBody } from "../../../../src/loop/used-buffers.ts";
import { LANE, laneLoop } from "../../analysis/lanes.ts";
import { type GridLoop, type Nest, type StoreTarget, statementsOf } from "../../analysis/nest.ts";
import { transformed } from "../../transforms/nests.ts";

/** The position of an element. */
export type Place = Pick<StoreTarget, "buffer" | "index">;

/** Floats in a cache line. */
export const LINE = 16;

/** At least so many floats, in an odd number of cache lines: matrices so far apart do not share a cache's sets. */
export const spread = (floats: number): number => (Math.ceil(floats / LINE) | 1) * LINE;

export interface ArrayOptions {
  /** Extents outside of the shape: whole matrices, spread apart. */
  readonly matrices?: readonly number[];
  /** Whether something in it outlives an iteration of a kernel's outermost loop. */
  readonly isShared?: boolean;
}

/** A row-major array in scratch. */
export class ScratchArray {
  readonly name: string;
  readonly length: number;
  readonly isShared: boolean;
  private readonly strides: readonly number[];

  constructor(name: string, shape: readonly number[], { matrices = [], isShared = false }: ArrayOptions) {
    const inner = matrices.length === 0 ? sizeOf(shape) : spread(sizeOf(shape));
    this.name = name;
    this.length = sizeOf(matrices) * inner;
    this.isShared = isShared;
    this.strides = [
      ...matrices.map((_, k) => sizeOf(matrices.slice(k + 1)) * inner),
      ...shape.map((_, k) => sizeOf(shape.slice(k + 1))),
    ];
  }

  /** Its declaration as a kernel's parameter. */
  param(access: BufferParam["access"]): BufferParam {
    const { name, length, isShared } = this;
    return { name, dtype: "float32", length, access, ...(!isShared && { private: true }) };
  }

  /** The position of an element. */
  at(...position: readonly Expr[]): Place {
    return { buffer: this.name, index: dot(position, this.strides) };
  }

  load(...position: readonly Expr[]): Expr {
    return load(this.name, "float32", dot(position, this.strides));
  }
}

/** The scratch of the kernels that one kernel becomes, and those kernels. */
export class Workspace {
  private readonly whole: Kernel;
  private readonly arrays = new Map<string, ScratchArray>();

  constructor(whole: Kernel) {
    this.whole = whole;
  }

  /** The array of this name; the same one for all callers. */
  array(what: string, shape: readonly number[], options: ArrayOptions = {}): ScratchArray {
    const known = this.arrays.get(what) ?? new ScratchArray(`${this.whole.name}_${what}`, shape, options);
    this.arrays.set(what, known);
    return known;
  }

  get buffers(): readonly ProgramBuffer[] {
    return [...this.arrays].map(([what, array]) =>
      scratchFor(array.param("scratch"), `${what} of ${this.whole.name}`),
    );
  }

  /** A kernel that declares what its statements touch. */
  kernel(body: readonly Stmt[], parts: Partial<Kernel>): Kernel {
    const { loaded, stored } = usedBuffers(body);
    const params = [...this.arrays.values()].map((array): BufferParam => {
      const access = !stored.has(array.name) ? "read" : loaded.has(array.name) ? "readwrite" : "write";
      return array.param(array.isShared ? access : "scratch");
    });
    return { ...withBody(this.whole, [...this.whole.buffers, ...params], body), ...parts };
  }

  /** The sum of a vector's lanes, and the statements that it needs. */
  laneSum(what: string, lanes: number, value: Expr): readonly [Stmt[], Expr] {
    const lanewise = this.array(what, [lanes]);
    const elements = Array.from({ length: lanes }, (_, k) => lanewise.load(int(k)));
    return [storesUnder(laneLoop(lanes), [{ ...lanewise.at(lane), value }]), elements.reduce(add)];
  }
}

/** The index of the current lane within a vector. */
export const lane: Expr = variable(LANE);

/** `vector · lanes + lane`. */
export const elementOf = (vector: Expr, lanes: number, element: Expr = lane): Expr =>
  add(dot([vector], [lanes]), element);

/** Stores under loops, after steps that change a nest. */
export function storesUnder(
  loops: readonly GridLoop[],
  stores: readonly StoreTarget[],
  ...steps: readonly Step[]
): Stmt[] {
  const nests = steps.reduce<readonly Nest[]>(
    (changed, step) => changed.flatMap((nest) => transformed(nest, step)),
    [{ name: "", loops, stores }],
  );
  return nests.flatMap(statementsOf);
}

/** Vectors of channels: whole ones, and one for the remainder. */
export interface ChannelPart {
  readonly vectors: number;
  /** The index of the current vector in a loop over `vector`. */
  readonly vector: Expr;
  /** Channels of each vector. */
  readonly elements: number;
}

export function channelParts(channels: number, lanes: number): ChannelPart[] {
  const whole = Math.floor(channels / lanes);
  return [
    { vectors: whole, vector: variable("vector"), elements: lanes },
    {
      vectors: Math.min(1, channels % lanes),
      vector: add(variable("vector"), int(whole)),
      elements: channels % lanes,
    },
  ].filter(({ vectors }) => vectors > 0);
}
