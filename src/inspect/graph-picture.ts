/** The picture of a graph: its ops as boxes, kernels as frames once fusion has named them. */

import { formatOrigins, moduleOf } from "../core/origin.ts";
import { bodiesOf } from "../ir/body.ts";
import { isConstant } from "../ir/builder.ts";
import { kernelNames } from "../ir/kernel-names.ts";
import { printAttrs, printInputName, printType, valueNames } from "../ir/print.ts";
import type { Graph, Input, Node, Value } from "../ir/types.ts";
import { printConstant } from "../loop/spelling.ts";
import { plainLine } from "./escape.ts";
import { type Arrow, type Box, type Frame, type Picture, shortened, shortList } from "./picture.ts";
import { shortPlace } from "./place.ts";

/**
 * Parameters, scalars and constants are named in the boxes that read them: as boxes they would hide the rest. The body
 * of a loop is connected to the loop's box, in a frame of its own or in those of its kernels.
 */
export function graphPicture(graph: Graph): Picture {
  const { boxes, frames, arrows } = partsOf(graph, "", valueNames(graph));
  return {
    title: plainLine(graph.name),
    boxes,
    frames,
    arrows: arrows.map((arrow, k): Arrow => ({ id: `a${k}`, ...arrow })),
  };
}

/** A graph or a body as part of a picture. */
interface Parts {
  readonly boxes: readonly Box[];
  readonly frames: readonly Frame[];
  readonly arrows: readonly Omit<Arrow, "id">[];
}

/** `within` distinguishes the boxes of one body from those of another and of the graph. */
function partsOf(graph: Graph, within: string, names: ReadonlyMap<Value, string>): Parts {
  const results = new Set<Value>([...graph.outputs, ...graph.updates].map(({ value }) => value));
  const drawn = graph.nodes.filter((node) => !isConstant(node) || results.has(node));
  const fed = graph.inputs.filter((input) => input.role === "input" || results.has(input));
  const ids = new Map<Value, string>([...fed, ...drawn].map((value, k) => [value, `${within}n${k}`]));
  const updated = targetsByValue(graph);
  const outputs = graph.outputs.map(({ name, value }, k) => ({ id: `${within}o${k}`, name, value }));
  const boxes: readonly Box[] = [
    ...fed.map((input) => inputBox(input, ids.get(input)!, names, updated.get(input) ?? [])),
    ...drawn.map((node) => opBox(graph, node, ids, names, updated.get(node) ?? [])),
    ...outputs.map(({ id, name, value }) => outputBox(id, name, value, names)),
  ];
  const arrows = [
    ...drawn.flatMap((node) =>
      [...new Set(node.inputs)].map((input) => ({ input, from: ids.get(input), to: ids.get(node)! })),
    ),
    ...outputs.map(({ id, value }) => ({ input: value, from: ids.get(value), to: id })),
  ].flatMap(({ input, from, to }) =>
    from === undefined ? [] : [{ from, to, detail: `${names.get(input)}: ${printType(input.type)}` }],
  );
  const bodies = drawn.flatMap((node) =>
    bodiesOf(node.attrs).map((body) => bodyParts(body, ids.get(node)!, names.get(node)!)),
  );
  return {
    boxes: [...boxes, ...bodies.flatMap((body) => body.boxes)],
    frames: [...framesOf(graph, within, ids), ...bodies.flatMap((body) => body.frames)],
    arrows: [...arrows, ...bodies.flatMap((body) => body.arrows)],
  };
}

/** The body of the loop in the box `loop`; its values are named as in the program. */
function bodyParts(body: Graph, loop: string, name: string): Parts {
  const within = `${loop}_`;
  const names = new Map([...valueNames(body)].map(([value, own]) => [value, `${name}.${own.slice(1)}`]));
  const { boxes, frames, arrows } = partsOf(body, within, names);
  const own = boxes.filter(({ id }) => !frames.some((frame) => frame.boxes.includes(id)));
  const frame: Frame = {
    id: `cluster_${within}`,
    kind: "body",
    title: `body of ${name}`,
    boxes: own.map(({ id }) => id),
  };
  return {
    boxes,
    frames: [frame, ...frames.map((inner) => ({ parent: frame.id, ...inner }))],
    arrows: [
      ...own.flatMap(({ id, kind }) =>
        kind === "input" ? [{ from: loop, to: id, detail: "what each iteration is given" }] : [],
      ),
      ...arrows,
    ],
  };
}

function targetsByValue(graph: Graph): ReadonlyMap<Value, readonly Input[]> {
  const targets = new Map<Value, Input[]>();
  for (const { target, value } of graph.updates) targets.set(value, [...(targets.get(value) ?? []), target]);
  return targets;
}

const updateLines = (targets: readonly Input[]): string[] =>
  targets.map((target) => shortened(`→ ${printInputName(target)}`, LINE_LENGTH));

const LINE_LENGTH = 38;

const inputBox = (
  input: Input,
  id: string,
  names: ReadonlyMap<Value, string>,
  targets: readonly Input[],
): Box => ({
  id,
  kind: "input",
  name: names.get(input)!,
  title: shortened(names.get(input)!, LINE_LENGTH),
  lines: [printType(input.type), ...updateLines(targets)],
  module: "",
  place: "",
  detail: `${names.get(input)}: ${printType(input.type)}`,
});

function opBox(
  graph: Graph,
  node: Node,
  ids: ReadonlyMap<Value, string>,
  names: ReadonlyMap<Value, string>,
  targets: readonly Input[],
): Box {
  const within = node.inputs.filter((input) => !ids.has(input)).map((input) => shortValue(input));
  const origins = graph.origins.get(node) ?? [];
  const operands = node.inputs.map((input) => names.get(input)).join(", ");
  return {
    id: ids.get(node)!,
    kind: "op",
    name: names.get(node)!,
    title: shortened(node.op, LINE_LENGTH),
    lines: [
      `${names.get(node)}: ${printType(node.type)}`,
      ...(within.length === 0 ? [] : [shortened(shortList(within, 2), LINE_LENGTH)]),
      ...updateLines(targets),
    ],
    module: moduleOf(origins),
    place: shortened(shortPlace(origins), LINE_LENGTH),
    detail: [
      `${names.get(node)}: ${printType(node.type)} = ${node.op}(${operands})${printAttrs(node.attrs)}`,
      ...targets.map((target) => `updates ${printInputName(target)}`),
      formatOrigins(origins),
    ].join("\n"),
  };
}

/** A parameter's name, or the constant itself. */
const shortValue = (value: Value): string =>
  value.kind === "input" ? printInputName(value) : printConstant(Number(value.attrs.value), false);

const outputBox = (id: string, name: string, value: Value, names: ReadonlyMap<Value, string>): Box => ({
  id,
  kind: "output",
  name,
  title: shortened(name, LINE_LENGTH),
  lines: [printType(value.type)],
  module: "",
  place: "",
  detail: `returns ${names.get(value)} as ${name}`,
});

/**
 * A node that several kernels compute, each for itself, is in
 * the frame of the one that stores it, or else of the first.
 */
function framesOf({ groups = [] }: Graph, within: string, ids: ReadonlyMap<Value, string>): readonly Frame[] {
  const titles = kernelNames(groups);
  const homes = new Map<Value, number>();
  for (const [k, { stores }] of groups.entries()) for (const node of stores) homes.set(node, k);
  for (const [k, { nodes }] of groups.entries())
    for (const node of nodes) if (!homes.has(node)) homes.set(node, k);
  const frames = groups.map(({ nodes }, k) => ({
    id: `cluster_${within}${k}`,
    kind: "kernel" as const,
    title: titles[k],
    boxes: nodes.flatMap((node) => (homes.get(node) === k ? (ids.get(node) ?? []) : [])),
  }));
  return frames.filter(({ boxes }) => boxes.length > 0);
}
