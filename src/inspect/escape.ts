/**
 * Makes text of a model's author harmless in dumps: file names, module names and source lines may contain
 * anything, and a terminal, an SVG or a DOT file must show them as text and nothing else.
 */

import { plainLine } from "../core/plain-line.ts";

export { plainLine };

/** Anything but printable ASCII, which is all that most texts contain. */
const UNUSUAL = /[^\n -~]/;

/** Text of several lines without control characters except line breaks. */
export const plainText = (text: string): string =>
  UNUSUAL.test(text) ? text.split("\n").map(plainLine).join("\n") : text;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for the content or a quoted attribute of SVG. */
export const escapeXml = (text: string): string => plainText(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);

/** A quoted DOT string; in labels a backslash and an ampersand would begin an escape of Graphviz's own. */
export const quoteDot = (text: string): string =>
  `"${plainText(text).replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/&/g, "&amp;").replace(/\n/g, "\\n")}"`;
