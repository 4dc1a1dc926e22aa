/** How names and places of the model's author are spelled in text forms, so that nothing in them is hidden and all of it reads back. */

import type { Origin } from "./origin.ts";

/** A name that needs no quotes; others are quoted. */
const PLAIN_NAME = /^[A-Za-z_][\w.]*$/;

/** What a terminal would obey or a reader would not see: control characters and those that reverse text. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

const hexUnits = (text: string, prefix: string): string =>
  Array.from({ length: text.length }, (_, k) => text.charCodeAt(k))
    .map((unit) => `${prefix}${unit.toString(16).padStart(4, "0")}`)
    .join("");

/** A JSON string in which nothing is hidden. */
export const quoted = (text: string): string =>
  JSON.stringify(text).replace(UNSEEN, (c) => hexUnits(c, "\\u"));

/** A name; unusual ones are quoted. */
export const printName = (name: string): string => (PLAIN_NAME.test(name) ? name : quoted(name));

/** The position of the first invisible character, or -1. */
export const unseenAt = (line: string): number => line.search(new RegExp(UNSEEN.source, "u"));

/** An origin with blanks, commas, percent signs and what is unseen escaped, so that a list of them reads back. */
export function printOrigin(origin: Origin): string {
  const encode = (text: string): string =>
    text.replace(/[%,:\s]/g, (c) => hexUnits(c, "%")).replace(UNSEEN, (c) => hexUnits(c, "%"));
  const place = origin.file === "" ? "" : `${encode(origin.file)}:${origin.line}`;
  return [place, encode(origin.module)].filter((part) => part !== "").join(" ");
}

/** The origin that `text` spells; `undefined` if it is not one. */
export function parseOrigin(text: string): Origin | undefined {
  const found = /^(?:(\S+):(\d+))?(?: ?(\S+))?$/.exec(text);
  if (found === null) return undefined;
  const decode = (part: string): string =>
    part.replace(/%([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return { file: decode(found[1] ?? ""), line: Number(found[2] ?? 0), module: decode(found[3] ?? "") };
}
