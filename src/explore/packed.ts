/** The page's data as JSON in which every link, every long text and every line of such a text is stored only once. */

import type { ExplorerData } from "./data.ts";
import type { Link } from "./link.ts";

/** Texts of at least this length are replaced by numbers. */
const LONG = 60;

/** Distinct items in the order of their first use. */
class Table<T> {
  readonly items: T[] = [];
  private readonly numbers = new Map<string, number>();

  numberOf(key: string, item: T): number {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.items.push(item) - 1;
    this.numbers.set(key, number);
    return number;
  }
}

/** JSON in which each `link` and each long `text` is replaced by a number; {@link unpacked} restores them. */
export function tabled(data: ExplorerData): string {
  const links = new Table<Link>();
  const texts = new Table<string>();
  const lines = new Table<string>();
  const known = new Map<Link, number>();
  const linkNumber = (link: Link): number => {
    const number = known.get(link) ?? links.numberOf(JSON.stringify(link), link);
    known.set(link, number);
    return number;
  };
  const numbered = (items: readonly Readonly<Numbered>[]): readonly object[] =>
    items.map((item) => ({
      ...item,
      link: linkNumber(item.link),
      ...(item.text !== undefined &&
        item.text.length >= LONG && { text: texts.numberOf(item.text, item.text) }),
    }));
  const body = {
    ...data,
    sources: data.sources.map((source) => ({ ...source, lines: numbered(source.lines) })),
    documents: data.documents.map(numbered),
    drawings: data.drawings.map(({ groups, boxes, arrows }) => ({
      ...{ groups: numbered(groups), boxes: numbered(boxes), arrows },
    })),
    backends: data.backends.map(({ kernels, memory, ...backend }) => ({
      ...{ ...backend, kernels: numbered(kernels) },
      memory: { ...memory, placements: numbered(memory.placements) },
    })),
  };
  // Most stages leave most lines of a kernel unchanged.
  const inLines = texts.items.map((text) => text.split("\n").map((line) => lines.numberOf(line, line)));
  return JSON.stringify({ links: links.items, lines: lines.items, texts: inLines, data: body });
}

interface Numbered {
  link: Link;
  text?: string;
}

/** The data from a text that {@link tabled} made and that was then compressed with gzip and encoded in base64. */
export async function unpacked(text: string): Promise<ExplorerData> {
  const characters = atob(text);
  // Uint8Array.from takes 0.1 s for 3 MB, since it uses an iterator.
  const bytes = new Uint8Array(characters.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = characters.charCodeAt(k);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { links, lines, ...page } = JSON.parse(await new Response(stream).text()) as {
    readonly links: readonly Link[];
    readonly lines: readonly string[];
    readonly texts: readonly (readonly number[])[];
    readonly data: ExplorerData;
  };
  const { data } = page;
  const texts = page.texts.map((numbers) => numbers.map((number) => lines[number]).join("\n"));
  const restore = (items: readonly Readonly<Numbered>[]): void => {
    for (const item of items as readonly Numbered[]) {
      item.link = links[Number(item.link)];
      if (typeof item.text === "number") item.text = texts[item.text];
    }
  };
  for (const source of data.sources) restore(source.lines);
  for (const document of data.documents) restore(document);
  for (const { groups, boxes } of data.drawings) {
    restore(groups);
    restore(boxes);
  }
  for (const { kernels, memory } of data.backends) {
    restore(kernels);
    restore(memory.placements);
  }
  return data;
}
