/** The page's data as text: what many blocks and boxes belong to alike, and what many stages say alike, stands in it once. */

import type { ExplorerData } from "./data.ts";
import type { Link } from "./link.ts";

/** Texts from this length on are worth a number. */
const LONG = 60;

/** Things in the order in which they are first met. */
class Table<T> {
  readonly items: T[] = [];
  private readonly numbers = new Map<string, number>();

  numberOf(key: string, item: T): number {
    const number = this.numbers.get(key) ?? this.items.push(item) - 1;
    this.numbers.set(key, number);
    return number;
  }
}

/** JSON in which each `link` and each long `text` is a number, as far as {@link unpacked} puts them back. */
function tabled(data: ExplorerData): string {
  const links = new Table<Link>();
  const texts = new Table<string>();
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
  return JSON.stringify({ links: links.items, texts: texts.items, data: body });
}

interface Numbered {
  link: Link;
  text?: string;
}

/** The data, compressed by gzip, in base64. */
export async function packed(data: ExplorerData): Promise<string> {
  const stream = new Blob([tabled(data)]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let text = "";
  // A call takes only so many arguments.
  for (let begin = 0; begin < bytes.length; begin += CHUNK)
    text += String.fromCharCode(...bytes.subarray(begin, begin + CHUNK));
  return btoa(text);
}

const CHUNK = 2 ** 14;

/** The data that {@link packed} made text of. */
export async function unpacked(text: string): Promise<ExplorerData> {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { links, texts, data } = JSON.parse(await new Response(stream).text()) as {
    readonly links: readonly Link[];
    readonly texts: readonly string[];
    readonly data: ExplorerData;
  };
  const restore = (items: readonly Readonly<Numbered>[]): void => {
    for (const item of items as readonly Numbered[]) {
      item.link = links[Number(item.link)];
      if (typeof item.text === "number") item.text = texts[item.text];
    }
  };
  for (const { lines } of data.sources) restore(lines);
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
