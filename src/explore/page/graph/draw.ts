/** Renders a drawing with some of its groups open, and lists the items in it that can be pointed at. */

import { type BoxText, boxSize, LINE, TITLE, textWidth } from "../../../inspect/box-size.ts";
import type { Drawing } from "../../data.ts";
import type { Subject } from "../selection.ts";
import { layOut, type Placed, type Size } from "./nested.ts";
import { type Part, seenOf, sizesOf } from "./opened.ts";
import { boxElement, frameElement, frameTitle, lineElement, svgPicture, toggleElement } from "./svg.ts";

const MARGIN = 16;

/** Width of the button that opens a group; it is kept free on both sides of the centred title. */
const TOGGLE = 30;

export interface Drawn extends Size {
  readonly svg: SVGSVGElement;
  readonly items: readonly Subject[];
}

export function draw(drawing: Drawing, isOpen: (group: number) => boolean): Drawn {
  const { groups, boxes } = drawing;
  const counts = sizesOf(drawing);
  const isProgram = boxes.some(({ kind }) => kind === "kernel");
  const layout = layOut(drawing, seenOf(drawing, isOpen), sizeOf);
  const items: Subject[] = [];
  const [frames, titles, shapes]: [Element[], Element[], Element[]] = [[], [], []];
  for (const placed of layout.placed) {
    const { kind, position } = placed.part;
    if (kind === "box") {
      const box = boxes[position];
      const element = boxElement(placed, box.kind, box, box.detail);
      shapes.push(element);
      // Inputs and outputs are not computed, so there is nothing to link them to.
      if (box.kind === "op" || box.kind === "kernel")
        items.push({ link: box.link, label: labelOf(box.name, box.place), element });
    } else drawGroup(placed, position);
  }
  const lines = layout.lines.map(lineElement);
  const svg = svgPicture(layout.width, layout.height, MARGIN, [...frames, ...lines, ...titles, ...shapes]);
  return { svg, items, width: layout.width + 2 * MARGIN, height: layout.height + 2 * MARGIN };

  function drawGroup(placed: Placed, position: number): void {
    const { kind, title, link } = groups[position];
    const shown = groupText(position);
    const element = placed.isOpen
      ? frameElement(placed, kind)
      : boxElement(placed, `closed of-${kind}`, shown, [title, ...shown.lines].join("\n"));
    const toggle = toggleElement(placed, placed.isOpen, title);
    for (const part of [element, toggle]) part.setAttribute("data-group", String(position));
    (placed.isOpen ? frames : shapes).push(element);
    if (placed.isOpen) titles.push(frameTitle(placed, kind, title));
    (placed.isOpen ? titles : shapes).push(toggle);
    const label = labelOf(title, shown.lines.join(", "));
    const text = placed.isOpen ? title : textInside(position);
    items.push({ link, label, element, text, holds: placed.isOpen });
  }

  /** The text of all boxes in a closed group, so that the search finds them too. */
  function textInside(position: number): string {
    const isInside = (parent: number): boolean => {
      for (let at = parent; at >= 0; at = groups[at].parent) if (at === position) return true;
      return false;
    };
    const inside = boxes.filter(({ parent }) => isInside(parent));
    return [groups[position].title, ...inside.map(({ title, detail }) => `${title} ${detail}`)].join("\n");
  }

  function groupText(position: number): BoxText {
    const unit = isProgram ? "kernel" : "op";
    const count = counts[position];
    return { title: groups[position].title, lines: [`${count} ${unit}${count === 1 ? "" : "s"}`], place: "" };
  }

  function sizeOf({ kind, position }: Part): Size {
    if (kind === "box") return boxSize(boxes[position]);
    if (isOpen(position)) return { width: textWidth(groups[position].title, LINE.fontSize) + 48, height: 0 };
    const { width, height } = boxSize(groupText(position));
    const title = textWidth(groups[position].title, TITLE.fontSize);
    return { width: Math.max(width, title + 2 * TOGGLE), height };
  }
}

const labelOf = (name: string, more: string): string => (more === "" ? name : `${name}, ${more}`);
