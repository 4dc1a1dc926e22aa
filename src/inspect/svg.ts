/** A picture as one self-contained SVG file: light or dark as its reader prefers, without scripts. */

import { boxSize, LINE, linesOf, PADDING, TITLE, textWidth } from "./box-size.ts";
import { escapeXml } from "./escape.ts";
import { type Layout, layOut, type Point, type Rectangle } from "./layout.ts";
import type { Arrow, Box, Frame, Picture } from "./picture.ts";
import { PICTURE_STYLE } from "./svg-style.ts";

const MARGIN = 16;
const HEADING = 28;

/** Draws `picture`, each box with its title, its lines and the model's line it comes from. */
export async function svgText(picture: Picture): Promise<string> {
  const layout = await layOut(picture, boxSize);
  const width = Math.ceil(Math.max(layout.width, textWidth(picture.title, TITLE.fontSize)) + 2 * MARGIN);
  const height = Math.ceil(layout.height + HEADING + 2 * MARGIN);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(picture.title)}">`,
    `<style>${PICTURE_STYLE}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 0.8 8 4 0 7.2z"/></marker></defs>',
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<text class="heading" x="${MARGIN}" y="${MARGIN + TITLE.fontSize}">${escapeXml(picture.title)}</text>`,
    `<g transform="translate(${MARGIN} ${MARGIN + HEADING})">`,
    ...picture.frames.map(({ id }) => `<g class="frame">${rectangle(layout.frames.get(id)!, 8)}</g>`),
    ...picture.arrows.map((arrow) => arrowSvg(arrow, layout)),
    ...picture.frames.map((frame) => frameTitle(frame, layout)),
    ...picture.boxes.map((box) => boxSvg(box, layout)),
    "</g>",
    "</svg>",
  ].join("\n");
}

function boxSvg(box: Box, { boxes }: Layout): string {
  const place = boxes.get(box.id)!;
  const middle = n(place.x + place.width / 2);
  const first = place.y + PADDING.y + TITLE.fontSize;
  const texts = linesOf(box).map(
    ({ text, kind }, k) =>
      `<text class="${kind}" x="${middle}" y="${n(first + TITLE.height + k * LINE.height - 1)}">${escapeXml(text)}</text>`,
  );
  return [
    `<g class="${box.kind}" data-box="${box.id}"><title>${escapeXml(box.detail)}</title>`,
    rectangle(place, 5),
    `<text class="title" x="${middle}" y="${n(first)}">${escapeXml(box.title)}</text>`,
    ...texts,
    "</g>",
  ].join("");
}

/** Drawn over the arrows, which may lead through it. */
function frameTitle({ id, title }: Frame, { frames }: Layout): string {
  const { x, y } = frames.get(id)!;
  return `<text class="frame" x="${n(x + 8)}" y="${n(y + LINE.fontSize + 4)}">${escapeXml(title)}</text>`;
}

function arrowSvg({ id, detail }: Arrow, { arrows }: Layout): string {
  const { curve, tip } = arrows.get(id)!;
  const [start, ...rest] = curve;
  const path = `M${at(start)}C${rest.map(at).join(" ")}L${at(tip)}`;
  return `<g class="arrow"><title>${escapeXml(detail)}</title><path d="${path}" marker-end="url(#tip)"/></g>`;
}

const rectangle = ({ x, y, width, height }: Rectangle, radius: number): string =>
  `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="${radius}"/>`;

const at = ({ x, y }: Point): string => `${n(x)} ${n(y)}`;

const n = (value: number): string => String(Math.round(value * 10) / 10);
