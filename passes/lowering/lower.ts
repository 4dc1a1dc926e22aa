/**
 * Lowers fused groups to kernels: each stored value becomes a nest of grid loops around one pure expression,
 * made by inlining the ops' own lowerings. Nothing is scheduled here.
 */

import { kindOf } from "../../src/core/dtype.ts";
import { invariant } from "../../src/core/errors.ts";
import { type Layout, rowMajor } from "../../src/core/layout.ts";
import { type Shape, sameShape, sizeOf } from "../../src/core/shape.ts";
import { operandsOf } from "../../src/ir/body.ts";
import { isConstant } from "../../src/ir/builder.ts";
import { kernelNames } from "../../src/ir/kernel-names.ts";
import { valueNames } from "../../src/ir/print.ts";
import { usersOf } from "../../src/ir/rewrite.ts";
import type { Arrangement, Graph, Group, Input, Node, Value } from "../../src/ir/types.ts";
import { constant, int, load, scalar, variable } from "../../src/loop/build.ts";
import { cancelCommonFactors } from "../../src/loop/common-factors.ts";
import { denseFlops } from "../../src/loop/element-work.ts";
import { Interner } from "../../src/loop/intern.ts";
import type { Binding, LoweredProgram, ProgramBuffer } from "../../src/loop/program.ts";
import { RangeContext } from "../../src/loop/range.ts";
import { simplify } from "../../src/loop/simplify.ts";
import type { BufferParam, Expr, Kernel, Stmt } from "../../src/loop/types.ts";
import { type UsedBuffers, usedBuffers } from "../../src/loop/used-buffers.ts";
import { copyOf } from "../../src/ops/algebra.ts";
import type { Range } from "../../src/ops/definition.ts";
import { rangesOf } from "../../src/ops/ranges.ts";
import { definitionOf } from "../../src/ops/registry.ts";
import type { Pass } from "../pass.ts";
import { statementsOf } from "../scheduling/analysis/nest.ts";
import { AlikeGroups } from "./alike-groups.ts";
import { baseOf, Commit, readByOthers } from "./commit.ts";
import { ElementReader } from "./element-reader.ts";
import { byShape, computedIn, nameOf, originsOf } from "./group-parts.ts";
import { type BodyScope, lowerLoop, type ProgramParts } from "./lower-loop.ts";
import { indicesAt, Positions } from "./positions.ts";
import { splitGroups } from "./split-groups.ts";

export const lower: Pass<Graph, LoweredProgram> = {
  name: "lower",
  doc: "Makes every group a kernel: a plain nest of loops whose stores hold the fused expression, reductions explicit.",
  run: (graph) => new Lowering(graph).program(),
};

/** One graph while it is lowered to the kernels of a program: the traced one, or the body of a loop in it. */
class Lowering implements BodyScope {
  readonly parts: ProgramParts;
  private readonly graph: Graph;
  private readonly texts: ReadonlyMap<Value, string>;
  private readonly buffers = new Map<Value, ProgramBuffer>();
  /** Nodes that other groups read. */
  private readonly shared: ReadonlySet<Value>;
  /** The scalars of the program that inputs of a body stand for. */
  private readonly scalars = new Map<Value, Input>();
  private readonly taken: Set<string>;
  private readonly targets: ReadonlyMap<Node, readonly Input[]>;
  private readonly positions: Positions;
  /** The ranges of integers by their ops, and which of those that were stored their kernel declares. */
  private readonly ranges: ReadonlyMap<Value, Range>;
  private readonly shown = new Map<Value, Range>();
  private readonly alike: AlikeGroups;
  /** The prefix of the names of kernels. */
  private readonly prefix: string;

  /** For a body, `texts` gives the values of the program by those names. */
  constructor(
    graph: Graph,
    parts: ProgramParts = { buffers: [], kernels: [], loops: [] },
    taken = new Set<string>(),
    prefix = "",
    texts = valueNames(graph),
  ) {
    this.graph = graph;
    this.parts = parts;
    this.taken = taken;
    this.prefix = prefix;
    this.texts = texts;
    this.positions = new Positions(graph);
    this.ranges = rangesOf(graph);
    const targets = new Map<Node, Input[]>();
    for (const { target, value } of graph.updates)
      if (value.kind === "node") targets.set(value, [...(targets.get(value) ?? []), target]);
    this.targets = targets;
    this.shared = readByOthers(graph.groups ?? []);
    const { buffers, positions, ranges, shown } = this;
    this.alike = new AlikeGroups({ graph, buffers, positions, ranges, shown });
  }

  program(): LoweredProgram {
    const { graph } = this;
    const { buffers, kernels, loops } = this.parts;
    for (const input of graph.inputs) {
      if (input.role !== "scalar")
        this.declare(input, input.role === "state" ? "state" : "input", input.name);
    }
    this.lowerGroups();
    for (const [node, [target]] of this.targets) {
      const isStored = graph.groups?.some(({ stores }) => stores.includes(node));
      invariant(isStored, `no group stores ${this.texts.get(node)}, which ${target.name} is updated by`);
    }
    const firstCommit = kernels.findIndex((k) =>
      k.buffers.some((b) => b.access !== "read" && this.isState(b.name)),
    );
    return {
      name: graph.name,
      kernels,
      ...(loops.length > 0 && { loops }),
      buffers,
      inputs: this.bindings("input"),
      states: this.bindings("state"),
      outputs: graph.outputs.map(({ name, value }) => ({
        name,
        buffer: this.bufferOf(value).name,
        dtype: value.type.dtype,
        shape: value.type.shape,
      })),
      scalars: graph.inputs.filter((input) => input.role === "scalar").map((input) => input.name),
      commitFrom: firstCommit < 0 ? kernels.length : firstCommit,
    };
  }

  lowerGroups(): void {
    const { graph, prefix } = this;
    const groups = graph.groups ?? [];
    const outputs = new Set(graph.outputs.map(({ value }) => baseOf(value)));
    for (const { stores } of groups) {
      for (const node of stores) {
        if (this.isOnlyUpdate(node, outputs)) continue;
        const isOutput = prefix === "" && outputs.has(node);
        this.declare(node, isOutput ? "output" : "intermediate", nameOf(node));
      }
    }
    const names = kernelNames(groups);
    groups.forEach((group, k) => {
      const name = prefix + names[k];
      const [first] = group.nodes;
      if (definitionOf(first).pattern === "loop") lowerLoop(this, group, name, this.texts.get(first) ?? "");
      else this.parts.kernels.push(this.kernel(group, name));
    });
  }

  scopeOf(body: Graph, loop: string, text: string, layouts: readonly Arrangement[]): BodyScope {
    const arranged = { ...body, layouts: [...(body.layouts ?? []), ...layouts] };
    const texts = new Map([...valueNames(body)].map(([value, own]) => [value, `${text}.${own.slice(1)}`]));
    return new Lowering(arranged, this.parts, this.taken, `${loop}_`, texts);
  }

  bind(value: Input, to: ProgramBuffer | Input): void {
    if ("kind" in to) this.scalars.set(value, to);
    else this.buffers.set(value, to);
  }

  scalarOf(value: Value): Input | undefined {
    return value.kind === "input" && value.role === "scalar" ? value : this.scalars.get(value);
  }

  storedIn(node: Node): ProgramBuffer | undefined {
    return this.buffers.get(node);
  }

  arrangementOf(value: Value): Arrangement | undefined {
    const layout = this.positions.chosen(value);
    return layout === undefined ? undefined : { value, layout };
  }

  copied(value: Value): ProgramBuffer {
    const copy = copyOf(value);
    const { parts, prefix } = this;
    const buffer = this.declare(copy, "intermediate", `${prefix}${copy.op}`, this.texts.get(value));
    parts.kernels.push(this.kernel({ name: copy.op, nodes: [copy], stores: [copy] }, buffer.name));
    return buffer;
  }

  private bindings(role: "input" | "state"): Binding[] {
    return this.graph.inputs
      .filter((input) => input.role === role)
      .map((input) => ({
        name: input.name,
        buffer: this.bufferOf(input).name,
        ...input.type,
        ...this.layoutOf(input),
      }));
  }

  private isState(name: string): boolean {
    return this.parts.buffers.some((b) => b.name === name && b.role === "state");
  }

  /** An updated value that nothing else reads is written straight into its state. */
  private isOnlyUpdate(node: Node, outputs: ReadonlySet<Value>): boolean {
    return this.targets.has(node) && !outputs.has(node) && !this.shared.has(node);
  }

  /** Gives a value its buffer, under an identifier that no other has: user text never reaches code. */
  declare(
    value: Value,
    role: ProgramBuffer["role"],
    wish: string,
    text = this.texts.get(value) ?? "",
  ): ProgramBuffer {
    const plain = wish.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_");
    let name = plain;
    for (let k = 2; this.taken.has(name); k++) name = `${plain}_${k}`;
    this.taken.add(name);
    const { dtype, shape } = value.type;
    const buffer = { name, role, dtype, shape, ...this.layoutOf(value), value: text };
    this.buffers.set(value, buffer);
    this.parts.buffers.push(buffer);
    return buffer;
  }

  private layoutOf(value: Value): { readonly layout?: Layout } {
    const layout = this.positions.chosen(value);
    return layout === undefined ? {} : { layout };
  }

  bufferOf(value: Value): ProgramBuffer {
    const buffer = this.buffers.get(baseOf(value));
    invariant(buffer !== undefined, `${this.texts.get(value)} is stored before it is read`);
    return buffer;
  }

  private kernel(group: Group, name: string): Kernel {
    // Updates are in the order of states, and values of bodies may share their buffers.
    const isAlone = this.prefix !== "" || group.stores.some((node) => this.targets.has(node));
    const made = (): Kernel => this.kernelOf(group, name);
    return isAlone ? made() : this.alike.kernel(group, name, made);
  }

  private kernelOf(group: Group, name: string): Kernel {
    const body: Stmt[] = [];
    const nests = this.nests(group);
    for (const { shape, stores, flat } of nests) {
      const nest = this.nest(group, shape, stores, flat);
      body.push(...(nests.length === 1 ? nest : [section(stores[0], nest)]));
    }
    const used = usedBuffers(body);
    return {
      name,
      ops: group.nodes.map(nameOf),
      buffers: distinct([...this.buffers].flatMap(([value, buffer]) => this.param(value, buffer, used))),
      scalars: [...used.scalars],
      body,
      origins: originsOf(group, this.graph),
      nominalFlops: denseFlops(body),
    };
  }

  private param(value: Value, buffer: ProgramBuffer, used: UsedBuffers): BufferParam[] {
    const { name, dtype, shape } = buffer;
    const reads = used.loaded.has(name);
    const writes = used.stored.has(name);
    if (!reads && !writes) return [];
    const access = reads && writes ? "readwrite" : writes ? "write" : "read";
    const range = this.shown.get(value);
    return [{ name, dtype, length: sizeOf(shape), access, value: buffer.value, ...(range && { range }) }];
  }

  /** Stores of one shape share a nest; if nothing broadcasts, the nest is a single flat loop. */
  private nests(group: Group): { shape: Shape; stores: readonly Node[]; flat: boolean }[] {
    const isCommit = group.stores.some((node) => this.targets.has(node));
    const nests = isCommit ? this.commitLoops(group) : byShape(group.stores);
    return nests.map((stores) => {
      const layout = this.orderOf(stores.at(-1)!);
      const flat = stores.every((store) => this.isFlat(group, store, layout));
      return { shape: stores[0].type.shape, stores, flat };
    });
  }

  /** The stores of new states, by loops, in an order in which none reads what another has overwritten. */
  private commitLoops(group: Group): readonly (readonly Node[])[] {
    const commit = new Commit(this.graph.updates, Number.POSITIVE_INFINITY);
    const users = usersOf({ ...this.graph, nodes: group.nodes });
    const stores = new Set(group.stores);
    for (const node of [...group.nodes].reverse()) {
      const isOrdered = commit.add(node, users.get(node) ?? [], stores.has(node));
      invariant(
        isOrdered,
        `group ${group.name} reads a state after it stored it, by ${this.texts.get(node)}`,
      );
    }
    return commit.loops(group.stores);
  }

  private nest(group: Group, shape: Shape, stores: readonly Node[], flat: boolean): Stmt[] {
    if (sizeOf(shape) === 0) return this.idleNest(stores);
    const extents = flat ? [sizeOf(shape)] : shape;
    const grid = extents.map((extent, axis) => (extent === 1 ? int(0) : variable(`i${axis}`)));
    const layout = this.orderOf(stores[0]);
    const indices = flat ? indicesAt(grid[0], shape, layout) : grid;
    let context = new RangeContext();
    extents.forEach((extent, axis) => {
      context = context.withLoop(`i${axis}`, extent);
    });
    const values = new ElementReader(group, (value, at) => this.read(value, at));
    const interner = new Interner();
    const writes = stores.flatMap((node) => {
      const element = simplify(values.at(node, indices), context);
      const value = interner.intern(cancelCommonFactors(element, context));
      this.noteRange(node, context.rangeOf(value));
      return this.destinations(node).map((destination) => ({
        buffer: this.bufferOf(destination).name,
        index: simplify(this.positions.at(destination, indices, shape), context),
        value,
      }));
    });
    // Loops run in the order of memory, so that neighbours are stored one after the other.
    const loops = (flat ? [0] : layout).map((axis) => ({ name: `i${axis}`, extent: extents[axis] }));
    return statementsOf(splitGroups({ loops: loops.filter(({ extent }) => extent > 1), stores: writes }));
  }

  /** Declares the range of a stored node to its readers, unless its type implies it or nobody could verify it. */
  private noteRange(node: Node, { low, high }: { readonly low: number; readonly high: number }): void {
    const range = this.ranges.get(node);
    const isShown = range !== undefined && low >= range[0] && high <= range[1];
    if (isShown && kindOf(node.type.dtype) === "int") this.shown.set(node, range);
  }

  /** Without elements there are no indices: one loop without iterations marks that nothing is stored. */
  private idleNest(stores: readonly Node[]): Stmt[] {
    const body = stores.flatMap((node) =>
      this.destinations(node).map((value): Stmt => {
        const { name, dtype } = this.bufferOf(value);
        return { kind: "store", buffer: name, index: variable("i0"), value: constant(0, dtype) };
      }),
    );
    return [{ kind: "for", name: "i0", extent: 0, loop: "grid", body }];
  }

  /** Where a stored node's elements are written: to its own buffer, the states that it updates, or both. */
  private destinations(node: Node): Value[] {
    return [...(this.buffers.has(node) ? [node] : []), ...(this.targets.get(node) ?? [])];
  }

  /** The layout in which a stored node is written; a state may take it in another shape. */
  private orderOf(node: Node): Layout {
    const own = this.destinations(node).find((d) => sameShape(d.type.shape, node.type.shape));
    return own === undefined ? rowMajor(node.type.shape.length) : this.positions.layoutOf(own);
  }

  /**
   * Whether all values that `store` is computed from in its group are single numbers or laid out like it, in `layout`.
   */
  private isFlat(group: Group, store: Node, layout: Layout): boolean {
    const { shape } = store.type;
    const inside = new Set<Value>(group.nodes);
    const isFlatNode = (node: Node): boolean => {
      const { pattern, shapedByAttributes } = definitionOf(node);
      if (pattern !== "elementwise" || shapedByAttributes) return false;
      return operandsOf(node).every((input) => {
        const isInside = inside.has(input);
        if (isInside && isConstant(input)) return true;
        if (input.type.shape.length === 0) return true;
        if (!sameShape(input.type.shape, shape)) return false;
        return isInside || this.positions.liesIn(input, shape, layout);
      });
    };
    const isAlike = this.destinations(store).every((d) => this.positions.liesIn(d, shape, layout));
    return shape.length > 0 && isAlike && computedIn(inside, store).every(isFlatNode);
  }

  /** An element of a value in memory, or of a scalar input. */
  private read(value: Value, indices: readonly Expr[]): Expr {
    const given = this.scalarOf(baseOf(value));
    if (given !== undefined) return scalar(given.name, given.type.dtype);
    const { name, dtype } = this.bufferOf(value);
    return load(name, dtype, this.positions.at(value, indices));
  }
}

/** Parameters without repetition: two inputs of a body may be one buffer. */
const distinct = (params: readonly BufferParam[]): readonly BufferParam[] => [
  ...new Map(params.map((param) => [param.name, param])).values(),
];

const section = (store: Node, body: readonly Stmt[]): Stmt => ({
  kind: "section",
  name: nameOf(store),
  body,
});
