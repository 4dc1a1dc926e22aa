/** Links of the pages lead to files, and to headings that are there; every page of `docs` is in the menu. */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { CHAPTERS } from "../../site/pages.ts";

const ROOT = join(import.meta.dirname, "../..");
const PAGES = ["README.md", ...CHAPTERS.flatMap(({ pages }) => pages)];

const read = (page: string): string => readFileSync(join(ROOT, page), "utf8");
const withoutCode = (markdown: string): string =>
  markdown.replace(/^```[\s\S]*?^```$/gm, "").replace(/`[^`\n]*`/g, "code");

/** What a heading is called in addresses, as GitHub and the site's generator have it. */
const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, "")
    .replaceAll(" ", "-");

const headings = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading));

test("every page is in the menu, once", () => {
  const written = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  expect(PAGES.filter((page) => page.startsWith("docs/")).sort()).toEqual(
    written.map((name) => `docs/${name}`).sort(),
  );
});

test.each(PAGES)("%s", (page) => {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
  const faults = links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path, heading] = link.split("#");
      const target = path === "" ? page : normalize(join(dirname(page), path));
      if (!existsSync(join(ROOT, target)) || statSync(join(ROOT, target)).isDirectory()) return true;
      return heading !== undefined && target.endsWith(".md") && !headings(target).includes(heading);
    });
  expect(faults).toEqual([]);
});
