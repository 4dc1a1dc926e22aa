/** The size of a box in a picture, from its texts: they are monospaced, so that no font has to be measured. */

import type { Box } from "./picture.ts";

/** Width and height in points. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

export const TITLE = { fontSize: 13, height: 17 } as const;
export const LINE = { fontSize: 11, height: 14 } as const;
export const PADDING = { x: 10, y: 7 } as const;

/** The approximate width of a character in a monospaced font, relative to its size. */
const CHARACTER = 0.61;

export const textWidth = (text: string, fontSize: number): number => [...text].length * fontSize * CHARACTER;

/** The texts in a box. */
export type BoxText = Pick<Box, "title" | "lines" | "place">;

/** The lines below a box's title. */
export const linesOf = ({
  lines,
  place,
}: BoxText): readonly { readonly text: string; readonly kind: "line" | "place" }[] => [
  ...lines.map((text) => ({ text, kind: "line" }) as const),
  ...(place === "" ? [] : [{ text: place, kind: "place" } as const]),
];

export function boxSize(box: BoxText): Size {
  const lines = linesOf(box);
  const widths = [
    textWidth(box.title, TITLE.fontSize),
    ...lines.map(({ text }) => textWidth(text, LINE.fontSize)),
  ];
  return {
    width: Math.ceil(Math.max(...widths)) + 2 * PADDING.x,
    height: TITLE.height + lines.length * LINE.height + 2 * PADDING.y,
  };
}
