/** Builds graphs: every node's type is inferred and equal nodes become one object (hash-consing). */

import type { DType } from "../core/dtype.ts";
import { KilnError } from "../core/errors.ts";
import { mergeOrigins, type Origin } from "../core/origin.ts";
import { isBody, RESULT, resultsOf } from "./body.ts";
import { printGraph } from "./print.ts";
import type {
  Attr,
  Attrs,
  Graph,
  Input,
  InputRole,
  Node,
  NodeType,
  OpTable,
  Output,
  Update,
  Value,
} from "./types.ts";

/** The one op that the IR itself knows: a rank-0 number. */
export const CONSTANT = "constant";

/** The number that a constant holds; `undefined` of other values. */
export const constantOf = (value: Value): number | undefined =>
  value.kind === "node" && value.op === CONSTANT ? (value.attrs.value as number) : undefined;

export const isConstant = (value: Value): boolean => constantOf(value) !== undefined;

/** Mutable only while building; `build` hands out an immutable {@link Graph}. */
export class GraphBuilder {
  readonly table: OpTable;
  private readonly ids = new Map<Value, number>();
  private readonly interned = new Map<string, Node>();
  private readonly inputs: Input[] = [];
  private readonly nodes: Node[] = [];
  private readonly origins = new Map<Value, readonly Origin[]>();
  private readonly names = new Map<Node, string>();
  private current: readonly Origin[] = [];

  constructor(table: OpTable) {
    this.table = table;
  }

  /** Declares an input, of one result alone whatever else has that type; the name must be new among inputs of its role. */
  input(role: InputRole, name: string, like: NodeType): Input {
    if (this.inputs.some((known) => known.role === role && known.name === name)) {
      throw new KilnError(`two graph inputs are named ${name}`);
    }
    const [type] = resultsOf(like);
    const input: Input = { kind: "input", role, name, type };
    this.adopt(input);
    return input;
  }

  /** Takes over an input of another graph, so that values built on it stay valid. */
  adopt(input: Input): void {
    if (this.ids.has(input)) return;
    this.ids.set(input, this.ids.size);
    this.inputs.push(input);
  }

  /** A builder that goes on from `graph`: its values are kept and may be used as inputs. */
  static from(graph: Graph, table: OpTable): GraphBuilder {
    const builder = new GraphBuilder(table);
    for (const input of graph.inputs) builder.adopt(input);
    for (const node of graph.nodes) {
      builder.interned.set(builder.keyOf(node.op, node.inputs, node.attrs), node);
      builder.ids.set(node, builder.ids.size);
      builder.nodes.push(node);
      const origins = graph.origins.get(node);
      if (origins !== undefined) builder.origins.set(node, origins);
      builder.name(node, graph.names?.get(node));
    }
    return builder;
  }

  /** Nodes built inside `body` carry `origins`. */
  at<T>(origins: readonly Origin[], body: () => T): T {
    const outer = this.current;
    this.current = origins;
    try {
      return body();
    } finally {
      this.current = outer;
    }
  }

  /** The interned node for `op` of `inputs`. Errors of inference name the current origin. */
  node(op: string, inputs: readonly Value[], attrs: Attrs = {}): Node {
    const [of] = inputs;
    if (op === RESULT && attrs.index === 0 && of?.kind === "node") return of;
    const key = this.keyOf(op, inputs, attrs);
    let node = this.interned.get(key);
    if (node === undefined) {
      const type = this.infer(op, inputs, attrs);
      node = { kind: "node", op, inputs, attrs, type };
      this.interned.set(key, node);
      this.ids.set(node, this.ids.size);
      this.nodes.push(node);
    }
    const known = this.origins.get(node) ?? [];
    const merged = mergeOrigins(known, this.current);
    if (merged.length > 0) this.origins.set(node, merged);
    return node;
  }

  /** The results of a node in order: the node itself, and the others that it has. */
  results(node: Node): readonly Value[] {
    const others = resultsOf(node.type).slice(1);
    return [node, ...others.map((_, k) => this.node(RESULT, [node], { index: k + 1 }))];
  }

  /** Whether any node reads this value so far. */
  isRead(value: Value): boolean {
    return this.nodes.some(({ inputs }) => inputs.includes(value));
  }

  /** A rank-0 constant. */
  constant(value: number, dtype: DType = "float32"): Node {
    return this.node(CONSTANT, [], { value, dtype });
  }

  /** Names a node, unless it has a name already. */
  name(value: Value, name: string | undefined): void {
    if (name !== undefined && value.kind === "node" && !this.names.has(value)) this.names.set(value, name);
  }

  /** The number of nodes so far. */
  get size(): number {
    return this.nodes.length;
  }

  /** The nodes that came when there were `size` already. */
  nodesFrom(size: number): readonly Node[] {
    return this.nodes.slice(size);
  }

  /** The origins recorded for a value so far. */
  originsOf(value: Value): readonly Origin[] {
    return this.origins.get(value) ?? [];
  }

  build(name: string, outputs: readonly Output[], updates: readonly Update[] = []): Graph {
    const rank: Record<InputRole, number> = { input: 0, state: 1, scalar: 2 };
    const inputs = [...this.inputs].sort((a, b) => rank[a.role] - rank[b.role]);
    const graph = { name, inputs, nodes: [...this.nodes], outputs, updates, origins: new Map(this.origins) };
    return this.names.size === 0 ? graph : { ...graph, names: new Map(this.names) };
  }

  private infer(op: string, inputs: readonly Value[], attrs: Attrs): NodeType {
    try {
      return this.table.infer(
        op,
        inputs.map((v) => v.type),
        attrs,
      );
    } catch (error) {
      if (error instanceof KilnError && error.origins.length === 0)
        throw new KilnError(error.message, this.current);
      throw error;
    }
  }

  private keyOf(op: string, inputs: readonly Value[], attrs: Attrs): string {
    const ids = inputs.map((v) => {
      const id = this.ids.get(v);
      if (id === undefined) throw new KilnError(`${op} is given a value of another graph`);
      return id;
    });
    return `${op}(${ids})${attrsKey(attrs)}`;
  }
}

/** Attributes as a key: equal for equal ones alone. */
export const attrsKey = (attrs: Attrs): string =>
  Object.keys(attrs)
    .sort()
    .map((name) => `${name}=${attrKey(attrs[name])}`)
    .join(";");

/** 0 and -0 are different numbers, as 1/x shows. */
function attrKey(value: Attr): string {
  if (isBody(value)) return bodyKey(value);
  return Object.is(value, -0) ? "-0" : String(value);
}

const bodyKeys = new WeakMap<Graph, string>();

/** Bodies are equal if their texts are. */
function bodyKey(body: Graph): string {
  let key = bodyKeys.get(body);
  if (key === undefined) {
    key = printGraph({ ...body, origins: new Map() });
    bodyKeys.set(body, key);
  }
  return key;
}
