/** Reads the Graph IR's text form back; faults name line and column and what was expected. */

import { KilnError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { TextReader } from "../core/text-reader.ts";
import { GraphBuilder } from "./builder.ts";
import { printResults, printType } from "./print.ts";
import type {
  Arrangement,
  Attr,
  Attrs,
  Graph,
  Group,
  InputRole,
  Node,
  NodeType,
  OpTable,
  Output,
  TensorType,
  Update,
  Value,
  View,
} from "./types.ts";
import { sameResults, sameType } from "./verify.ts";

/** The graph that `text` spells. Throws a {@link KilnError} with line and column on any fault. */
export function parseGraph(text: string, table: OpTable): Graph {
  const parser = new Parser(text, table);
  return parser.guarded(() => parser.text());
}

/** Quotes distinguish inputs from nodes: an input may be called 0. */
const inputLabel = (sigil: string, name: string): string => `${sigil}${JSON.stringify(name)}`;

class Parser extends TextReader {
  private readonly table: OpTable;
  /** What belongs to the graph that is being read: a body is a scope of its own. */
  private builder: GraphBuilder;
  private values = new Map<string, Value>();

  constructor(text: string, table: OpTable) {
    super(text);
    this.table = table;
    this.builder = new GraphBuilder(table);
  }

  text(): Graph {
    while (!this.atEnd() && this.line().trim() === "") this.row++;
    const graph = this.graph();
    for (; !this.atEnd(); this.row++, this.column = 0) {
      this.blanks();
      if (this.column < this.line().length) this.fail("the end of the text");
    }
    return graph;
  }

  /** A graph within an attribute, which ends in the middle of a line. */
  private body(): Graph {
    const { builder, values } = this;
    this.builder = new GraphBuilder(this.table);
    this.values = new Map();
    const graph = this.graph();
    this.builder = builder;
    this.values = values;
    return graph;
  }

  private graph(): Graph {
    this.word("graph ");
    const name = this.name();
    this.inputs("input");
    if (this.accept(" params")) this.inputs("state");
    if (this.accept(" scalars")) this.inputs("scalar");
    this.word(" {");
    const outputs: Output[] = [];
    const updates: Update[] = [];
    const groups: Group[] = [];
    const views: View[] = [];
    const layouts: Arrangement[] = [];
    let kept: Node[] | undefined;
    let recomputed: Node[] = [];
    let returns = false;
    for (this.nextLine(); !this.accept("}"); this.nextLine()) {
      if (this.accept("return")) {
        this.outputs(outputs);
        returns = true;
      } else if (this.accept("update ")) {
        updates.push(this.update());
      } else if (this.accept("group ")) groups.push(this.group());
      else if (this.accept("view ")) views.push(this.view());
      else if (this.accept("layout ")) {
        const value = this.value();
        this.word(" = ");
        layouts.push({ value, layout: this.layout(value.type.shape) });
      } else if (this.accept("keep")) kept = this.nodes();
      else if (this.accept("recompute")) recomputed = this.nodes();
      else this.definition();
      this.blanks();
      if (this.column < this.line().length) this.fail("the end of the line");
    }
    if (!returns) this.failAt(0, "a line with return before this one");
    const graph = this.builder.build(name, outputs, updates);
    return {
      ...graph,
      ...(kept && { partition: { kept, recomputed } }),
      ...(groups.length > 0 && { groups }),
      ...(views.length > 0 && { views }),
      ...(layouts.length > 0 && { layouts }),
    };
  }

  private inputs(role: InputRole): void {
    this.word("(");
    this.separated(")", () => {
      const start = this.column;
      const sigil = this.match(/[%@$]/y, "an input such as %x");
      const name = this.name();
      this.word(": ");
      const type = this.type();
      const input = this.wrapped(start, () => this.builder.input(role, name, type));
      this.values.set(inputLabel(sigil, name), input);
    });
  }

  private definition(): void {
    const start = this.column;
    const label = this.match(/%(?:\d+|[A-Za-z_]\w*)/y, "a definition such as %0: f32[1] = relu(%x)");
    const isNumber = /\d/.test(label[1]);
    if (this.values.has(label) || (!isNumber && this.values.has(inputLabel("%", label.slice(1)))))
      this.failAt(start, "a new name", `${label} is defined already`);
    this.word(": ");
    const typeColumn = this.column;
    const type = this.resultTypes();
    this.word(" = ");
    const opColumn = this.column;
    const op = this.match(/[a-z]\w*/y, "the name of an op");
    if (!this.table.has(op)) this.failAt(opColumn, "the name of an op", `${op} is not one`);
    this.word("(");
    const inputs: Value[] = [];
    this.separated(")", () => inputs.push(this.value()));
    const attrs = this.accept(" {") ? this.attrs() : {};
    this.blanks();
    const origins = this.accept("at ") ? this.origins() : [];
    const node = this.wrapped(opColumn, () =>
      this.builder.at(origins, () => this.builder.node(op, inputs, attrs)),
    );
    if (!sameResults(node.type, type)) {
      const expected = printResults(node.type);
      this.failAt(typeColumn, expected, `${op} of these inputs does not give ${printResults(type)}`);
    }
    if (!isNumber) this.builder.name(node, label.slice(1));
    this.values.set(label, node);
  }

  /** `f32[2,3]`, or of an op with several results `(f32[2,3], i32[2])`. */
  private resultTypes(): NodeType {
    if (!this.accept("(")) return this.type();
    const first = this.type();
    const others: TensorType[] = [];
    while (this.accept(", ")) others.push(this.type());
    this.word(")");
    return { ...first, others };
  }

  /** Runs `body`; what it has against the text is said with line and column. */
  private wrapped<T>(column: number, body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof KilnError)) throw error;
      return this.refuse(column, error.message);
    }
  }

  private outputs(into: Output[]): void {
    while (this.accept(" ") || this.accept(", ")) {
      const name = this.name();
      this.word("=");
      into.push({ name, value: this.value() });
    }
  }

  private update(): Update {
    const targetColumn = this.column;
    const target = this.value();
    if (target.kind !== "input" || target.role !== "state") {
      return this.failAt(targetColumn, "the name of a state");
    }
    this.word(" = ");
    const valueColumn = this.column;
    const value = this.value();
    if (sameType(value.type, target.type)) return { target, value };
    return this.failAt(
      valueColumn,
      `a value of ${printType(target.type)}`,
      `this one has ${printType(value.type)}`,
    );
  }

  private group(): Group {
    const name = this.match(/\w+/y, "the name of a group");
    this.word(":");
    const nodes = this.nodes();
    this.word(" ->");
    const column = this.column;
    const stores = this.nodes();
    if (stores.some((node) => !nodes.includes(node))) this.failAt(column, "nodes of this group");
    return { name, nodes, stores };
  }

  private view(): View {
    const node = this.node();
    this.word(" of ");
    const column = this.column;
    const base = this.value();
    const elements = sizeOf(node.type.shape);
    if (sizeOf(base.type.shape) !== elements) this.failAt(column, `a value of ${elements} elements`);
    return { node, base };
  }

  private nodes(): Node[] {
    const nodes: Node[] = [];
    while (/^ %\w/.test(this.line().slice(this.column))) {
      this.word(" ");
      nodes.push(this.node());
    }
    return nodes;
  }

  private node(): Node {
    const value = this.value();
    return value.kind === "node" ? value : this.fail("a node such as %0");
  }

  private value(): Value {
    const start = this.column;
    const sigil = this.match(/[%@$]/y, "a value such as %0, @weight or $lr");
    const first = this.line()[this.column] ?? "";
    const isNumber = sigil === "%" && /\d/.test(first);
    const name = isNumber ? this.match(/\d+/y, "a number") : this.name();
    const node = sigil === "%" && first !== '"' ? this.values.get(sigil + name) : undefined;
    const value = node ?? (isNumber ? undefined : this.values.get(inputLabel(sigil, name)));
    return (
      value ?? this.failAt(start, "a value defined above", `${this.line().slice(start, this.column)} is not`)
    );
  }

  private attrs(): Attrs {
    const attrs = new Map<string, Attr>();
    this.separated("}", () => {
      const start = this.column;
      const name = this.match(/\w+/y, "the name of an attribute");
      if (attrs.has(name)) this.failAt(start, "another attribute", `${name} occurs twice`);
      this.word("=");
      attrs.set(name, this.attr());
    });
    return Object.fromEntries(attrs);
  }

  private attr(): Attr {
    const rest = this.line().slice(this.column);
    if (rest.startsWith("[")) return this.list();
    if (rest.startsWith('"')) return this.quoted();
    if (rest.startsWith("graph ")) return this.body();
    if (this.accept("true")) return true;
    if (this.accept("false")) return false;
    const word = this.match(
      /-?(?:inf|nan|\d+(?:\.\d+)?(?:e[-+]?\d+)?)/y,
      "a number, string, boolean or list",
    );
    return word === "nan" ? Number.NaN : Number(word.replace("inf", "Infinity"));
  }

  private nextLine(): void {
    this.row++;
    this.column = 0;
    if (this.atEnd()) this.fail('"}"');
    this.blanks();
  }
}
