/**
 * A stage as a picture: boxes, frames around those that become one kernel, and arrows. DOT and SVG are made from it.
 */

import { plainLine } from "./escape.ts";

/** `input` and `output` are what the user feeds and gets; `op` is a node of a graph; `kernel` is one of a program. */
export type BoxKind = "input" | "op" | "kernel" | "output";

export interface Box {
  /** An identifier that contains no text of the model's. */
  readonly id: string;
  readonly kind: BoxKind;
  /** Its name in the stage's text: `%3`, or a kernel's name. */
  readonly name: string;
  readonly title: string;
  /** The lines below the title: type, parameters, cost. */
  readonly lines: readonly string[];
  /** The module that it belongs to, empty for the model itself. */
  readonly module: string;
  /** The line of the model it comes from, empty if unknown. */
  readonly place: string;
  /** All details, shown when the box is pointed at. */
  readonly detail: string;
}

/** Boxes that become one kernel, or those of a loop's body. */
export interface Frame {
  readonly id: string;
  readonly kind: "kernel" | "body";
  /** The frame of the body that contains this one. */
  readonly parent?: string;
  readonly title: string;
  readonly boxes: readonly string[];
}

export interface Arrow {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** What flows along it. */
  readonly detail: string;
}

export interface Picture {
  readonly title: string;
  readonly boxes: readonly Box[];
  readonly frames: readonly Frame[];
  readonly arrows: readonly Arrow[];
}

/** Text on one line that fits a box, with an ellipsis if it is cut off. */
export function shortened(text: string, length: number): string {
  const line = plainLine(text);
  const characters = [...line];
  return characters.length <= length ? line : `${characters.slice(0, length - 1).join("")}…`;
}

/** A list that fits a box: the first few, and how many more there are. */
export function shortList(items: readonly string[], most: number): string {
  const shown = items.slice(0, most).join(", ");
  return items.length <= most ? shown : `${shown}, +${items.length - most}`;
}
