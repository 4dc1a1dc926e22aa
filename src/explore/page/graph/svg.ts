/** Draws a layout as SVG. Text is inserted only as text, so that nothing a model's author wrote can become markup. */

import { type BoxText, LINE, linesOf, PADDING, TITLE } from "../../../inspect/box-size.ts";
import type { Point } from "./layered.ts";
import type { Line, Placed } from "./nested.ts";

type Attributes = Readonly<Record<string, string | number>>;

/** An SVG element with attributes and children. */
export function svgElement<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  children: readonly (Node | string)[] = [],
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** The SVG picture with `children` inside a margin. */
export function svgPicture(
  width: number,
  height: number,
  margin: number,
  children: readonly Node[],
): SVGSVGElement {
  const [across, down] = [width + 2 * margin, height + 2 * margin];
  const tip = svgElement("path", { class: "tip", d: "M0 0.8 8 4 0 7.2z" });
  const marker = { viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7 };
  return svgElement("svg", { viewBox: `0 0 ${across} ${down}`, role: "presentation" }, [
    svgElement("defs", {}, [svgElement("marker", { id: "tip", orient: "auto", ...marker }, [tip])]),
    svgElement("g", { transform: `translate(${margin} ${margin})` }, children),
  ]);
}

const rectangle = ({ x, y, width, height }: Placed, radius: number): SVGRectElement =>
  svgElement("rect", { x: n(x), y: n(y), width: n(width), height: n(height), rx: radius });

const text = (kind: string, x: number, y: number, content: string): SVGTextElement =>
  svgElement("text", { class: kind, x: n(x), y: n(y) }, [content]);

/** A box with its title and the lines below it, centred. */
export function boxElement(placed: Placed, kind: string, shown: BoxText, detail: string): SVGGElement {
  const middle = placed.x + placed.width / 2;
  const first = placed.y + PADDING.y + TITLE.fontSize;
  return svgElement("g", { class: kind, "data-box": "" }, [
    svgElement("title", {}, [detail]),
    rectangle(placed, 5),
    text("title", middle, first, shown.title),
    ...linesOf(shown).map((line, k) =>
      text(line.kind, middle, first + TITLE.height + k * LINE.height - 1, line.text),
    ),
  ]);
}

/** The frame of an open group. Its title is a separate element, drawn over the lines that cross it. */
export const frameElement = (placed: Placed, kind: string): SVGGElement =>
  svgElement("g", { class: `frame of-${kind}`, "data-box": "" }, [rectangle(placed, 8)]);

export const frameTitle = ({ x, y }: Placed, kind: string, title: string): SVGTextElement =>
  text(`frame of-${kind}`, x + 32, y + 19, title);

/** The button in the upper left corner of a group that opens or closes it. */
export function toggleElement({ x, y }: Placed, isOpen: boolean, title: string): SVGGElement {
  const label = isOpen ? `Close ${title}` : `Open ${title}`;
  const [left, top] = [x + 8, y + 7];
  const sign = isOpen ? "M4 8h8" : "M4 8h8M8 4v8";
  return svgElement("g", { class: "toggle", transform: `translate(${n(left)} ${n(top)})` }, [
    svgElement("title", {}, [label]),
    svgElement("rect", { width: 16, height: 16, rx: 3 }),
    svgElement("path", { d: sign }),
  ]);
}

const MOST_DETAILS = 12;

export function lineElement({ route, hasTip, details }: Line): SVGGElement {
  const more = details.length - MOST_DETAILS;
  const said = [...details.slice(0, MOST_DETAILS), ...(more > 0 ? [`and ${more} more`] : [])];
  const attributes = { d: pathOf(route), ...(hasTip && { "marker-end": "url(#tip)" }) };
  return svgElement("g", { class: "arrow" }, [
    svgElement("title", {}, [said.join("\n")]),
    svgElement("path", attributes),
  ]);
}

/** Curved between ranks, straight within a rank; lines into and out of frames are straight at the frame's edge. */
function pathOf(route: readonly Point[]): string {
  const [first, ...rest] = route;
  let path = `M${n(first.x)} ${n(first.y)}`;
  let before = first;
  for (const point of rest) {
    const half = (point.y - before.y) / 2;
    path +=
      Math.abs(point.x - before.x) < 0.5
        ? `L${n(point.x)} ${n(point.y)}`
        : `C${n(before.x)} ${n(before.y + half)} ${n(point.x)} ${n(point.y - half)} ${n(point.x)} ${n(point.y)}`;
    before = point;
  }
  return path;
}

const n = (value: number): string => String(Math.round(value * 10) / 10);
