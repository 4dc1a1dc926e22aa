/** Arrays in scratch by their shapes, and kernels made of statements over them. */

import { add, dot, int, load, variable } from "../../../../src/loop/build.ts";
import type { ProgramBuffer } from "../../../../src/loop/program.ts";
import type { Step } from "../../../../src/loop/schedule.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../../../src/loop/types.ts";
import { usedBuffers } from "../../../../src/loop/used-buffers.ts";
import { LANE } from "../../analysis/lanes.ts";
import { type GridLoop, type Nest, type StoreTarget, statementsOf } from "../../analysis/nest.ts";
import { transformed } from "../../transforms/nests.ts";

/** Where an element lies. */
export type Place = Pick<StoreTarget, "buffer" | "index">;

/** Floats in a cache line. */
const LINE = 16;

/** At least so many floats, an odd number of cache lines: matrices so far apart do not share a cache's sets. */
export const spread = (floats: number): number => (Math.ceil(floats / LINE) | 1) * LINE;

const product = (extents: readonly number[]): number => extents.reduce((n, extent) => n * extent, 1);

/** A row-major array, or a row-major array of `matrices`, each spread apart from the next one. */
export class ScratchArray {
  readonly name: string;
  readonly length: number;
  private readonly kernel: Kernel;
  private readonly what: string;
  private readonly strides: readonly number[];
  private readonly isShared: boolean;

  /** `isShared` where something in it outlives an iteration of the kernel's outermost loop. */
  constructor(
    kernel: Kernel,
    what: string,
    shape: readonly number[],
    {
      matrices = [],
      isShared = false,
    }: { readonly matrices?: readonly number[]; readonly isShared?: boolean } = {},
  ) {
    const inner = matrices.length === 0 ? product(shape) : spread(product(shape));
    this.name = `${kernel.name}_${what}`;
    this.kernel = kernel;
    this.what = what;
    this.length = product(matrices) * inner;
    this.strides = [
      ...matrices.map((_, k) => product(matrices.slice(k + 1)) * inner),
      ...shape.map((_, k) => product(shape.slice(k + 1))),
    ];
    this.isShared = isShared;
  }

  /** The place of an element. */
  at(...position: readonly Expr[]): Place {
    return { buffer: this.name, index: dot(position, this.strides) };
  }

  load(...position: readonly Expr[]): Expr {
    return load(this.name, "float32", dot(position, this.strides));
  }

  get buffer(): ProgramBuffer {
    return {
      name: this.name,
      dtype: "float32",
      shape: [this.length],
      role: "scratch",
      value: `${this.what} of ${this.kernel.name}`,
      ...(this.isShared ? {} : { private: true }),
    };
  }

  /** As a parameter of a kernel that loads and stores it, or does one of both. */
  param(isLoaded: boolean, isStored: boolean): BufferParam {
    const { name, length } = this;
    if (!this.isShared) return { name, dtype: "float32", length, access: "scratch", private: true };
    const access = isLoaded && isStored ? "readwrite" : isStored ? "write" : "read";
    return { name, dtype: "float32", length, access };
  }
}

/** A kernel that declares what its statements touch of another one's buffers and of arrays in scratch. */
export function kernelOf(
  like: Kernel,
  arrays: readonly ScratchArray[],
  body: readonly Stmt[],
  parts: Partial<Kernel>,
): Kernel {
  const { loaded, stored, scalars } = usedBuffers(body);
  const params = arrays.map((a) => a.param(loaded.has(a.name), stored.has(a.name)));
  return {
    ...like,
    buffers: [...like.buffers, ...params].filter((b) => loaded.has(b.name) || stored.has(b.name)),
    scalars: [...scalars],
    body,
    ...parts,
  };
}

/** The element of a vector that a lane is. */
export const lane: Expr = variable(LANE);

/** The loop whose iterations are the lanes of a vector. */
export const lanesOf = (width: number): GridLoop => ({ name: LANE, extent: width, loop: "vector" });

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

/** Loops around statements. */
export const within = (loops: readonly GridLoop[], body: readonly Stmt[]): Stmt[] =>
  loops.reduceRight<Stmt[]>(
    (inner, { name, extent, loop = "serial" }) => [{ kind: "for", name, extent, loop, body: inner }],
    [...body],
  );

/** Vectors of channels: whole ones, and one of those that are left. */
export interface ChannelPart {
  readonly vectors: number;
  readonly first: Expr;
  /** Channels of each vector. */
  readonly elements: number;
}

export function channelParts(channels: number, lanes: number): ChannelPart[] {
  const whole = Math.floor(channels / lanes);
  return [
    { vectors: whole, first: int(0), elements: lanes },
    { vectors: Math.min(1, channels % lanes), first: int(whole), elements: channels % lanes },
  ].filter(({ vectors }) => vectors > 0);
}
