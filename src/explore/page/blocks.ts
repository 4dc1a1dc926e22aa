/** Renders documents as elements: one per line of a source or graph, one section per kernel. */

import type { Block, Document } from "../data.ts";
import { element } from "./dom.ts";
import type { Subject } from "./selection.ts";

export interface Rendered {
  readonly content: readonly Node[];
  readonly items: readonly Subject[];
}

/** `labelOf` returns the label of a single line; with `numbered`, lines are numbered. */
export function renderDocument(
  document: Document,
  { numbered = false, labelOf = ({ text }: Block, _: number): string => text.trim() } = {},
): Rendered {
  const items = document.map((block, k): Subject => {
    const { kernel, link } = block;
    return kernel === undefined && !block.text.includes("\n")
      ? { link, label: labelOf(block, k), element: lineOf(block, numbered ? k + 1 : undefined) }
      : { link, label: kernel ?? "code outside the kernels", element: kernelOf(block) };
  });
  return { content: items.map((item) => item.element), items };
}

/** The origin at the end of a line of a graph. */
const PLACE = / {3}at .*$/;

const MARK = { added: "+", removed: "−" } as const;

function lineOf({ text, change }: Block, number: number | undefined): HTMLElement {
  const place = number === undefined ? (PLACE.exec(text)?.[0] ?? "") : "";
  const mark = number === undefined ? (change === undefined ? "" : MARK[change]) : String(number);
  return element("div", { class: change === undefined ? "line" : `line ${change}` }, [
    element("span", { class: "mark", "aria-hidden": "true" }, [mark]),
    element("span", { class: "text" }, [text.slice(0, text.length - place.length).trimEnd()]),
    ...(place === "" ? [] : [element("span", { class: "from" }, [place])]),
  ]);
}

/** Kernels outside the visible area are not laid out; their height is estimated from their number of lines. */
function kernelOf({ kernel, module = "", text }: Block): HTMLElement {
  const heading =
    kernel &&
    element("div", { class: "name" }, [
      element("span", { class: "label" }, [kernel]),
      ...(module === "" ? [] : [element("span", { class: "module" }, [module])]),
    ]);
  const made = element("div", { class: "kernel" }, [
    ...(heading ? [heading] : []),
    element("pre", {}, [text]),
  ]);
  made.style.containIntrinsicSize = `auto ${text.split("\n").length + 2}lh`;
  return made;
}
