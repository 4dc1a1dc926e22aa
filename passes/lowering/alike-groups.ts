/**
 * Lowers groups that differ in nothing but the values they read and store, as those of equal layers do, only once: the
 * others get the same kernel under other names.
 */

import { operandsOf, producerOf, resultIndex } from "../../src/ir/body.ts";
import { attrsKey } from "../../src/ir/builder.ts";
import type { Graph, Group, Node, TensorType, Value } from "../../src/ir/types.ts";
import { alikeTo } from "../../src/loop/alike.ts";
import type { ProgramBuffer } from "../../src/loop/program.ts";
import type { BufferParam, Kernel } from "../../src/loop/types.ts";
import type { Range } from "../../src/ops/definition.ts";
import { baseOf } from "./commit.ts";
import { nameOf, originsOf } from "./group-parts.ts";
import type { Positions } from "./positions.ts";

/** What lowering knows about the values of a graph. */
interface Surroundings {
  readonly graph: Graph;
  /** In the order in which kernels list them. */
  readonly buffers: ReadonlyMap<Value, ProgramBuffer>;
  readonly positions: Positions;
  readonly ranges: ReadonlyMap<Value, Range>;
  /** The ranges that kernels have declared. */
  readonly shown: Map<Value, Range>;
}

/** A group that was lowered, and the values it reads and stores in the order in which its key names them. */
interface Lowered {
  readonly kernel: Kernel;
  readonly values: readonly Value[];
}

export class AlikeGroups {
  private readonly around: Surroundings;
  private readonly known = new Map<string, Lowered>();

  constructor(around: Surroundings) {
    this.around = around;
  }

  /** The kernel of a group: made by `lower`, unless one like it is known. */
  kernel(group: Group, name: string, lower: () => Kernel): Kernel {
    const { key, values } = this.outlineOf(group);
    const first = this.known.get(key);
    if (first !== undefined) return this.kernelLike(first, group, name, values);
    const kernel = lower();
    this.known.set(key, { kernel, values });
    return kernel;
  }

  private kernelLike({ kernel, values }: Lowered, group: Group, name: string, own: readonly Value[]): Kernel {
    const { buffers, shown, graph } = this.around;
    const params = new Map<string, ProgramBuffer>();
    values.forEach((value, k) => {
      const range = shown.get(value);
      if (range !== undefined) shown.set(own[k], range);
      const buffer = buffers.get(value);
      if (buffer !== undefined) params.set(buffer.name, buffers.get(own[k])!);
    });
    const names = new Map(kernel.buffers.map((b) => [b.name, params.get(b.name)!.name]));
    return alikeTo(kernel, names, {
      name,
      ops: group.nodes.map(nameOf),
      buffers: kernel.buffers.map((b): BufferParam => {
        const { name, value } = params.get(b.name)!;
        return { ...b, name, value };
      }),
      scalars: kernel.scalars,
      origins: originsOf(group, graph),
      nominalFlops: kernel.nominalFlops,
    });
  }

  /** Everything that lowering a group depends on, except for names: equal for groups that are alike. */
  private outlineOf({ nodes, stores }: Group): { readonly key: string; readonly values: readonly Value[] } {
    const inside = new Map<Value, number>(nodes.map((node, k) => [node, k]));
    const places = new Map<Value, number>();
    const placeOf = (value: Value): string => {
      const base = baseOf(value);
      const known = places.get(base);
      const place = known ?? places.size;
      if (known === undefined) places.set(base, place);
      const text = known === undefined ? `$${place} ${this.describe(base)}` : `$${place}`;
      return base === value ? text : `${text} as ${typeKey(value.type)}`;
    };
    const operand = (value: Value): string => {
      const number = inside.get(value);
      return number === undefined ? placeOf(value) : `#${number}`;
    };
    const line = (node: Node): string => {
      const { op, attrs } = producerOf(node);
      const operands = operandsOf(node).map(operand);
      return `${op}.${resultIndex(node)}(${operands}) ${attrsKey(attrs)} ${typeKey(node.type)}`;
    };
    const lines = nodes.map(line);
    const stored = stores.map((store) => `${inside.get(store)} ${placeOf(store)}`);
    const order = [...this.around.buffers.keys()].flatMap((value) => places.get(value) ?? []);
    return { key: [...lines, ...stored, order].join("\n"), values: [...places.keys()] };
  }

  private describe(base: Value): string {
    if (base.kind === "input" && base.role === "scalar") return `scalar ${base.name}`;
    const { positions, ranges, shown } = this.around;
    return [typeKey(base.type), positions.layoutOf(base), ranges.get(base), shown.get(base)].join(" ");
  }
}

const typeKey = ({ dtype, shape }: TensorType): string => `${dtype}[${shape}]`;
