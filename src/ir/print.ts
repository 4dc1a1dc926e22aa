/** The Graph IR's text form: one grammar for dumps, golden tests and `parse`. */

import { shortName } from "../core/dtype.ts";
import { printName, printOrigin, quoted } from "../core/spelling.ts";
import { printConstant } from "../loop/spelling.ts";
import { isBody, resultsOf } from "./body.ts";
import type { Attr, Attrs, Graph, Input, InputRole, NodeType, TensorType, Value } from "./types.ts";

const SIGIL: Record<InputRole, string> = { input: "%", state: "@", scalar: "$" };

/** `f32[64,10]`. */
export const printType = (type: TensorType): string => `${shortName(type.dtype)}[${type.shape.join(",")}]`;

/** The types of all results of a node: `(f32[64,10], i32[64])` if there are several. */
export function printResults(type: NodeType): string {
  const results = resultsOf(type).map(printType);
  return results.length === 1 ? results[0] : `(${results.join(", ")})`;
}

/** The name of an input as the text spells it; unusual names are quoted. */
export function printInputName(input: Input): string {
  return SIGIL[input.role] + printName(input.name);
}

/** Names of all values of a graph: inputs by their own, nodes by the user's variable or their number. */
export function valueNames(graph: Graph): ReadonlyMap<Value, string> {
  const names = new Map<Value, string>();
  for (const input of graph.inputs) names.set(input, printInputName(input));
  graph.nodes.forEach((node, index) => {
    names.set(node, `%${graph.names?.get(node) ?? index}`);
  });
  return names;
}

/** Prints a graph; `parse` reads the text back to an equal graph. */
export function printGraph(graph: Graph): string {
  const names = valueNames(graph);
  const nameOf = (value: Value): string => names.get(value) ?? "%?";
  const inputsOf = (role: InputRole): string =>
    graph.inputs
      .filter((input) => input.role === role)
      .map((input) => `${nameOf(input)}: ${printType(input.type)}`)
      .join(", ");
  const states = inputsOf("state");
  const scalars = inputsOf("scalar");
  const header = `graph ${printName(graph.name)}(${inputsOf("input")})${states && ` params(${states})`}${scalars && ` scalars(${scalars})`} {`;

  const rows = graph.nodes.map((node) => ({
    text: `  ${nameOf(node)}: ${printResults(node.type)} = ${node.op}(${node.inputs.map(nameOf).join(", ")})${printAttrs(node.attrs)}`,
    origins: graph.origins.get(node) ?? [],
  }));
  const width = Math.min(
    Math.max(0, ...rows.map(({ text }) => text.length - 1 - text.lastIndexOf("\n"))),
    100,
  );
  const nodes = rows.map(({ text, origins }) =>
    origins.length === 0 ? text : `${text.padEnd(width)}   at ${origins.map(printOrigin).join(", ")}`,
  );

  const list = (values: readonly Value[]): string => values.map(nameOf).join(" ");
  return [
    header,
    ...nodes,
    ...(graph.partition
      ? [
          `  keep ${list(graph.partition.kept)}`.trimEnd(),
          `  recompute ${list(graph.partition.recomputed)}`.trimEnd(),
        ]
      : []),
    ...(graph.groups ?? []).map((g) => `  group ${g.name}: ${list(g.nodes)} -> ${list(g.stores)}`),
    ...(graph.views ?? []).map((v) => `  view ${nameOf(v.node)} of ${nameOf(v.base)}`),
    ...(graph.layouts ?? []).map(({ value, layout }) => `  layout ${nameOf(value)} = [${layout.join(",")}]`),
    `  return ${graph.outputs.map((o) => `${printName(o.name)}=${nameOf(o.value)}`).join(", ")}`.trimEnd(),
    ...graph.updates.map((u) => `  update ${nameOf(u.target)} = ${nameOf(u.value)}`),
    "}",
  ].join("\n");
}

/** ` {stride=[1,1], padding=[0,0]}`, or nothing. */
export function printAttrs(attrs: Attrs): string {
  const entries = Object.entries(attrs);
  if (entries.length === 0) return "";
  return ` {${entries.map(([name, value]) => `${name}=${printAttr(value)}`).join(", ")}}`;
}

function printAttr(value: Attr): string {
  if (typeof value === "number") return printConstant(value, false);
  if (typeof value === "string") return quoted(value);
  if (typeof value === "boolean") return String(value);
  if (isBody(value)) return printGraph(value).replaceAll("\n", "\n    ");
  return `[${value.join(",")}]`;
}
