/** The blocks of code in pages and docstrings, as their readers see them, and what a page takes as given without showing it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CHAPTERS } from "../../site/pages.ts";
import { ROOT } from "../cli/kiln.ts";

/** A fenced block of a page. */
export interface Block {
  readonly page: string;
  /** 1-based line of its first line of code. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** Declarations that a comment `<!-- given: … -->` before it makes. */
  readonly given: string;
}

/** What is written as history or as advice to contributors is no code to be tried. */
const PAGES = ["README.md", ...CHAPTERS.flatMap(({ pages }) => pages)].filter(
  (page) => !["CHANGELOG.md", "CONTRIBUTING.md"].includes(page),
);

const BLOCK = /(?:^<!-- given:\n([\s\S]*?)-->\n\n?)?^```(\w*)\n([\s\S]*?)^```$/gm;

/** All fenced blocks of all pages. */
export const BLOCKS: readonly Block[] = PAGES.flatMap((page) => {
  const markdown = readFileSync(join(ROOT, page), "utf8");
  return [...markdown.matchAll(BLOCK)].map(({ index, 0: all, 1: given = "", 2: language, 3: text }) => ({
    page,
    line: markdown.slice(0, index + all.indexOf(`\`\`\`${language}\n`)).split("\n").length + 1,
    language,
    text,
    given,
  }));
});

/** The examples in docstrings; those of ONNX have files that nobody here has. */
export const EXAMPLES: readonly Block[] = readdirSync(join(ROOT, "src"), {
  recursive: true,
  encoding: "utf8",
})
  .filter((path) => path.endsWith(".ts") && !path.startsWith("onnx/"))
  .sort()
  .flatMap((path) => {
    const source = readFileSync(join(ROOT, "src", path), "utf8");
    return [...source.matchAll(/^( *)\* ```ts\n([\s\S]*?)^ *\* ```$/gm)].map(
      ({ index, 2: text }): Block => ({
        page: `src/${path}`,
        line: source.slice(0, index).split("\n").length + 1,
        language: "ts",
        text: text.replace(/^ *\* ?/gm, ""),
        given: "",
      }),
    );
  });

/** Whether a block stands on its own: it imports what it uses, from Kiln and from Node alone. */
export function isProgram({ language, text }: Block): boolean {
  const sources = [...text.matchAll(/^import .* from "(.*)";$/gm)].map(([, source]) => source);
  return (
    language === "ts" &&
    sources.includes("kiln-js") &&
    sources.every((source) => /^kiln-js(\/|$)/.test(source) || source.startsWith("node:"))
  );
}

/** What a page's block is called in messages. */
export const nameOf = ({ page, line }: Block): string => `${page}:${line}`;
