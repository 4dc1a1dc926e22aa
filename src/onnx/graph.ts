/**
 * The graphs of a model in the form in which they are run: names are resolved, attributes are values, and each node has
 * been checked to read only values before it. Nothing in a file is trusted before.
 */

import { KilnError } from "../core/errors.ts";
import { type Attribute, attributeFrom } from "./attributes.ts";
import type { Constant } from "./constant.ts";
import { elementTypeFrom } from "./element-types.ts";
import type { Extent, Port } from "./port.ts";
import type { FunctionProto, GraphProto, NodeProto, ValueInfoProto } from "./proto/onnx_pb.ts";
import { constantFrom, type ExternalBytes } from "./tensor-proto.ts";

export interface Node {
  /** Its own name, or that of its first named output. */
  readonly name: string;
  readonly op: string;
  /** Empty for the operators of ONNX itself. */
  readonly domain: string;
  /** An empty name is an omitted input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** The path of the module that it belongs to, if the file contains it. */
  readonly scope: string | undefined;
  /** Its number in the file, counted from 1 across all graphs. */
  readonly number: number;
}

/** What an initializer was in the exported model; a buffer that is not saved is a constant. */
export type Mark = "parameter" | "buffer" | "constant";

export interface OnnxGraph {
  readonly name: string;
  /** Without those that have an initializer. */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly initializers: ReadonlyMap<string, Constant>;
  /** The roles of initializers, if PyTorch wrote them: whether they were parameters or buffers of the model. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** In execution order. */
  readonly nodes: readonly Node[];
}

/** A function of the model, which its nodes call like an operator. */
export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The defaults of attributes. */
  readonly defaults: ReadonlyMap<string, Attribute>;
  readonly nodes: readonly Node[];
}

/** The context for reading nested graphs. */
export class GraphReader {
  private count = 0;
  private readonly external: ExternalBytes | undefined;

  constructor(external?: ExternalBytes) {
    this.external = external;
  }

  /** Reads a graph; `outer` are the names that enclosing graphs have defined so far. */
  graph(proto: GraphProto, outer: ReadonlySet<string> = new Set()): OnnxGraph {
    const known = new Set(outer);
    const give = this.giver(known, new Set());
    const initializers = new Map<string, Constant>();
    if (proto.sparseInitializer.length > 0)
      throw new KilnError(`the graph ${proto.name} has sparse initializers, which Kiln does not read`);
    for (const tensor of proto.initializer) {
      give(tensor.name, "initializer");
      initializers.set(tensor.name, constantFrom(tensor, `the initializer ${tensor.name}`, this.external));
    }
    const inputs = proto.input.filter(({ name }) => !initializers.has(name)).map(portFrom);
    for (const { name } of inputs) give(name, "input");
    const nodes = this.nodes(proto.node, known, give);
    const outputs = proto.output.map(portFrom);
    for (const { name } of outputs) {
      if (!known.has(name))
        throw new KilnError(`the graph ${proto.name} has the output ${name}, which nothing in it computes`);
    }
    return { name: proto.name, inputs, outputs, initializers, marks: marksIn(proto), nodes };
  }

  function(proto: FunctionProto): OnnxFunction {
    const known = new Set<string>();
    const give = this.giver(known, new Set());
    for (const name of proto.input) give(name, "input");
    const nodes = this.nodes(proto.node, known, give);
    const missing = proto.output.find((name) => !known.has(name));
    if (missing !== undefined)
      throw new KilnError(
        `the function ${proto.name} has the output ${missing}, which nothing in it computes`,
      );
    const defaults = new Map(
      proto.attributeProto.map((attribute) => [
        attribute.name,
        attributeFrom(attribute, `the function ${proto.name}`, this, known),
      ]),
    );
    const { name, domain, input: inputs, output: outputs } = proto;
    return { name, domain: plainDomain(domain), inputs, outputs, defaults, nodes };
  }

  /** Adds a name to those that are known; each may be defined once in a graph. */
  private giver(known: Set<string>, own: Set<string>): (name: string, what: string) => void {
    return (name, what) => {
      if (own.has(name)) throw new KilnError(`the ${what} ${name} has a name that its graph defines twice`);
      own.add(name);
      known.add(name);
    };
  }

  private nodes(
    protos: readonly NodeProto[],
    known: ReadonlySet<string>,
    give: (name: string, what: string) => void,
  ): Node[] {
    return protos.map((proto) => {
      const node = this.node(proto, known);
      for (const name of node.outputs) if (name !== "") give(name, "output");
      return node;
    });
  }

  private node(proto: NodeProto, known: ReadonlySet<string>): Node {
    const number = ++this.count;
    const { opType: op, domain, input: inputs, output: outputs } = proto;
    const name = proto.name || outputs.find((output) => output !== "") || `node ${number}`;
    const unknown = inputs.find((input) => input !== "" && !known.has(input));
    if (unknown !== undefined) {
      throw new KilnError(
        `the node ${name} (${op}) reads ${unknown}, which nothing before it defines: nodes must be in execution order`,
      );
    }
    const what = `the node ${name} (${op})`;
    const attributes = new Map(
      proto.attribute.map((attribute) => [attribute.name, attributeFrom(attribute, what, this, known)]),
    );
    return {
      name,
      op,
      domain: plainDomain(domain),
      inputs,
      outputs,
      attributes,
      scope: scopeOf(proto),
      number,
    };
  }

  /** The constant in an attribute. */
  constant(tensor: Parameters<typeof constantFrom>[0], what: string): Constant {
    return constantFrom(tensor, what, this.external);
  }
}

type Properties = NodeProto["metadataProps"];

const property = (properties: Properties, name: string): string | undefined =>
  properties.find(({ key }) => key === name)?.value;

/** The metadata that PyTorch's exporter attaches to values. */
function marksIn({ valueInfo }: GraphProto): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const { name, metadataProps } of valueInfo) {
    const kind = property(metadataProps, "pkg.torch.export.graph_signature.InputSpec.kind");
    const isSaved =
      property(metadataProps, "pkg.torch.export.graph_signature.InputSpec.persistent") !== "False";
    if (kind === "PARAMETER") marks.set(name, "parameter");
    else if (kind !== undefined) marks.set(name, kind === "BUFFER" && isSaved ? "buffer" : "constant");
  }
  return marks;
}

/** PyTorch's exporter lists the modules from the outermost one inwards, then the operation: `['', 'fc', 'linear']`. */
const scopeOf = ({ metadataProps }: NodeProto): string | undefined =>
  [...(property(metadataProps, "pkg.torch.onnx.name_scopes") ?? "").matchAll(/'([^']*)'/g)].at(-2)?.[1];

/** ONNX's own domain has two names. */
export const plainDomain = (domain: string): string => (domain === "ai.onnx" ? "" : domain);

function portFrom({ name, type }: ValueInfoProto): Port {
  if (type?.value.case !== "tensorType") return { name, type: undefined, shape: undefined };
  const { elemType, shape } = type.value.value;
  const extents = shape?.dim.map(({ value }, axis): Extent => {
    if (value.case === "dimValue") return Number(value.value);
    return value.value || `${name}.${axis}`;
  });
  return { name, type: elementTypeFrom(elemType), shape: extents };
}
