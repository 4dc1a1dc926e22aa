/** A stage as a picture: boxes, frames around those that become one kernel, and arrows. DOT and SVG are made of it. */

import { plainLine } from "./escape.ts";

/** `input` and `output` are what the user feeds and gets; `op` is a node of a graph; `kernel` is one of a program. */
export type BoxKind = "input" | "op" | "kernel" | "output";

export interface Box {
  /** An identifier that no text of the model's is part of. */
  readonly id: string;
  readonly kind: BoxKind;
  /** What the stage's text calls it: `%3`, or a kernel's name. */
  readonly name: string;
  readonly title: string;
  /** What stands below the title, line by line: type, parameters, cost. */
  readonly lines: readonly string[];
  /** The module that it belongs to, empty where that is the model itself. */
  readonly module: string;
  /** The line of the model it comes from, empty when unknown. */
  readonly place: string;
  /** Everything there is to say, for whoever points at the box. */
  readonly detail: string;
}

/** Boxes that become one kernel, or those of a loop's body. */
export interface Frame {
  readonly id: string;
  readonly kind: "kernel" | "body";
  /** The frame of the body that this one lies in. */
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

/** Text on one line that fits a box; what is cut off shows as an ellipsis. */
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
