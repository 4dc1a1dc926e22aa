/** Places the parts of a picture with Graphviz, compiled to WebAssembly and loaded when it is first needed. */

import type { Graphviz } from "@hpcc-js/wasm-graphviz";
import { InternalError } from "../core/errors.ts";
import { withPackage } from "../core/optional-package.ts";
import type { Size } from "./box-size.ts";
import { skeletonDot } from "./dot.ts";
import type { Box, Picture } from "./picture.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A rectangle by its upper left corner; y grows downwards. */
export interface Rectangle extends Point, Size {}

export interface Layout extends Size {
  readonly boxes: ReadonlyMap<string, Rectangle>;
  readonly frames: ReadonlyMap<string, Rectangle>;
  /** For each arrow: the start of its line, then triples of two control points and the next point; its tip last. */
  readonly arrows: ReadonlyMap<string, { readonly curve: readonly Point[]; readonly tip: Point }>;
}

/** A node, a cluster or an edge in Graphviz's JSON. */
interface Drawn {
  readonly name?: string;
  readonly id?: string;
  /** For a node its centre, for an edge `e,tip start control control point …`. */
  readonly pos?: string;
  /** Lower left and upper right corner. */
  readonly bb?: string;
}

interface Drawing extends Drawn {
  readonly objects?: readonly Drawn[];
  readonly edges?: readonly Drawn[];
}

let loading: Promise<Graphviz> | undefined;

/** Loads Graphviz once. */
function graphviz(): Promise<Graphviz> {
  loading ??= withPackage(
    "@hpcc-js/wasm-graphviz",
    "a drawing needs",
    () => import("@hpcc-js/wasm-graphviz"),
  ).then((library) => library.Graphviz.load());
  return loading;
}

/** Lays out `picture`, whose boxes have the sizes that `sizeOf` gives, from top to bottom. */
export async function layOut(picture: Picture, sizeOf: (box: Box) => Size): Promise<Layout> {
  const library = await graphviz();
  const drawing = JSON.parse(library.layout(skeletonDot(picture, sizeOf), "json", "dot")) as Drawing;
  const [, , width, height] = numbers(drawing.bb);
  const flip = ({ x, y }: Point): Point => ({ x, y: height - y });
  const objects = new Map((drawing.objects ?? []).map((object) => [object.name, object]));
  const boxes = picture.boxes.map((box): [string, Rectangle] => {
    const size = sizeOf(box);
    const [x, y] = numbers(objects.get(box.id)?.pos);
    const centre = flip({ x, y });
    return [box.id, { x: centre.x - size.width / 2, y: centre.y - size.height / 2, ...size }];
  });
  const frames = picture.frames.map(({ id }): [string, Rectangle] => {
    const [left, bottom, right, top] = numbers(objects.get(id)?.bb);
    return [id, { ...flip({ x: left, y: top }), width: right - left, height: top - bottom }];
  });
  const arrows = (drawing.edges ?? []).map(({ id = "", pos = "" }) => {
    const [tip, ...curve] = pos.replace(/^e,/, "").split(" ").map(pointOf).map(flip);
    return [id, { tip, curve }] as const;
  });
  return { width, height, boxes: new Map(boxes), frames: new Map(frames), arrows: new Map(arrows) };
}

function pointOf(text: string): Point {
  const [x, y] = numbers(text);
  return { x, y };
}

function numbers(text: string | undefined): number[] {
  const values = (text ?? "").split(",").map(Number);
  if (values.length < 2 || values.some(Number.isNaN))
    throw new InternalError(`Graphviz placed nothing at "${text}"`);
  return values;
}
