/** A picture as DOT, the language of Graphviz: printed by `kiln dump --format dot`, and the input of the layout. */

import type { Size } from "./box-size.ts";
import { quoteDot } from "./escape.ts";
import type { Box, BoxKind, Picture } from "./picture.ts";

const SHAPE: Readonly<Record<BoxKind, string>> = {
  input: 'shape=box, style="rounded,filled", fillcolor="#dbeafe"',
  op: 'shape=box, style="filled", fillcolor="#f8fafc"',
  kernel: 'shape=box, style="filled", fillcolor="#fef3c7"',
  output: 'shape=box, style="rounded,filled", fillcolor="#dcfce7"',
};

/** The picture with all its text, for Graphviz's own renderers and for other tools. */
export function dotText(picture: Picture): string {
  return digraph([
    `  graph [label=${quoteDot(picture.title)}, labelloc=t, fontname="monospace", rankdir=TB, newrank=true]`,
    '  node [fontname="monospace", fontsize=10, margin="0.12,0.06"]',
    '  edge [color="#64748b", arrowsize=0.7]',
    ...statements(
      picture,
      (box) => `label=${quoteDot(labelOf(box))}, tooltip=${quoteDot(box.detail)}, ${SHAPE[box.kind]}`,
      (title) => `label=${quoteDot(title)}; labeljust=l; color="#d97706"; style="rounded"; fontsize=10`,
      (detail) => `tooltip=${quoteDot(detail)}`,
    ),
  ]);
}

const labelOf = ({ title, lines, place }: Box): string =>
  [title, ...lines, ...(place === "" ? [] : [place])].join("\n");

const POINTS_PER_INCH = 72;

/** The picture's skeleton for a layout: sizes and identifiers, but no text of the user's. */
export function skeletonDot(picture: Picture, sizeOf: (box: Box) => Size): string {
  const inches = (points: number): string => (points / POINTS_PER_INCH).toFixed(4);
  return digraph([
    "  graph [rankdir=TB, nodesep=0.3, ranksep=0.4, newrank=true]",
    '  node [shape=box, fixedsize=true, label=""]',
    ...statements(
      picture,
      (box) => `width=${inches(sizeOf(box).width)}, height=${inches(sizeOf(box).height)}`,
      // The label only reserves room for the frame's title, which the picture itself draws.
      (title) => `label=${quoteDot("m".repeat([...title].length))}; labeljust=l; fontsize=11; margin=10`,
      () => "",
    ),
  ]);
}

const digraph = (body: readonly string[]): string => ["digraph {", ...body, "}"].join("\n");

function statements(
  { boxes, frames, arrows }: Picture,
  boxAttributes: (box: Box) => string,
  frameAttributes: (title: string) => string,
  arrowAttributes: (detail: string) => string,
): string[] {
  return [
    ...boxes.map((box) => `  ${box.id} [${boxAttributes(box)}]`),
    ...frames.map(
      ({ id, title, boxes: inside }) =>
        `  subgraph ${id} { ${frameAttributes(title)}; ${inside.join("; ")} }`,
    ),
    ...arrows.map(({ id, from, to, detail }) => {
      const attributes = [`id=${id}`, arrowAttributes(detail)].filter((text) => text !== "").join(", ");
      return `  ${from} -> ${to} [${attributes}]`;
    }),
  ];
}
