/**
 * The changes of a pass, line by line. Most values of a graph are numbered in order, so that one more node changes all
 * numbers after it: lines are matched without the names of their values, and are equal if their operands match.
 */

/** One line of a comparison: its text before, after, or both if only numbers changed. */
export interface DiffLine {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
}

/** Compares two dumps of one form. Equal lines have the text of `after`. */
export function diffTexts(before: string, after: string): readonly DiffLine[] {
  const earlier = blocksOf(before);
  const later = blocksOf(after);
  return matched(
    earlier.map(({ key }) => key),
    later.map(({ key }) => key),
  ).flatMap(([a, b]) =>
    diffBlocks(a === undefined ? [] : earlier[a].lines, b === undefined ? [] : later[b].lines),
  );
}

interface Block {
  /** What identifies a block: a kernel's name. */
  readonly key: string;
  readonly lines: readonly string[];
}

/** The kernels of a program, each a block; everything before the first, and a graph, is one too. */
function blocksOf(text: string): readonly Block[] {
  return text.split(/\n(?=kernel )/).map((part) => ({
    key: /^kernel \S+/.exec(part)?.[0] ?? "",
    lines: part.split("\n"),
  }));
}

function diffBlocks(before: readonly string[], after: readonly string[]): DiffLine[] {
  const defined = new Set(before.flatMap((line) => DEFINITION.exec(line)?.[1] ?? []));
  const renamed = new Map<string, string>();
  // A name that no line here defines is an input, or a value of another text: it has one name in both.
  const nameAfter = (value: string): string | undefined => (defined.has(value) ? renamed.get(value) : value);
  return matched(before.map(keyOf), after.map(keyOf)).flatMap(([a, b]): DiffLine[] => {
    if (a === undefined) return [{ kind: "added", text: after[b!] }];
    if (b === undefined) return [{ kind: "removed", text: before[a] }];
    const [old, now] = [before[a], after[b]];
    const [oldValues, values] = [valuesOf(old), valuesOf(now)];
    if (DEFINITION.test(old)) renamed.set(oldValues[0], values[0]);
    const isSame =
      oldValues.every((value, k) => nameAfter(value) === values[k]) && placeOf(old) === placeOf(now);
    return isSame
      ? [{ kind: "same", text: now }]
      : [
          { kind: "removed", text: old },
          { kind: "added", text: now },
        ];
  });
}

const DEFINITION = /^\s*(%\w+):/;

const valuesOf = (line: string): readonly string[] => line.match(/%\w+/g) ?? [];

const PLACE = / {2,}at .*$/;

const placeOf = (line: string): string => PLACE.exec(line)?.[0].trimStart() ?? "";

/** The text of a line without the names of its values and its places in the source. */
const keyOf = (line: string): string => line.replace(PLACE, "").trimEnd().replace(/%\w+/g, "%");

type Pair = readonly [number | undefined, number | undefined];

/** Pairs of equal items in both lists, by a longest common subsequence; items without a partner are alone. */
function matched(before: readonly string[], after: readonly string[]): readonly Pair[] {
  const shortest = Math.min(before.length, after.length);
  // The common beginning and end are most of the text, and need no table.
  let begin = 0;
  while (begin < shortest && before[begin] === after[begin]) begin++;
  let end = 0;
  while (end < shortest - begin && before.at(-1 - end) === after.at(-1 - end)) end++;
  const numbers = new Map<string, number>();
  const numbered = (items: readonly string[]): readonly number[] =>
    items.slice(begin, items.length - end).map((item) => {
      const number = numbers.get(item) ?? numbers.size;
      numbers.set(item, number);
      return number;
    });
  const moved = (k: number | undefined): number | undefined => (k === undefined ? k : k + begin);
  return [
    ...Array.from({ length: begin }, (_, k): Pair => [k, k]),
    ...subsequence(numbered(before), numbered(after)).map(([a, b]): Pair => [moved(a), moved(b)]),
    ...Array.from({ length: end }, (_, k): Pair => [before.length - end + k, after.length - end + k]),
  ];
}

/** The same by a table of the lengths for all that may follow. */
function subsequence(before: readonly number[], after: readonly number[]): readonly Pair[] {
  const width = after.length + 1;
  // lengths[i * width + j]: the longest common subsequence of what follows i and j.
  const lengths = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const at = i * width + j;
      lengths[at] =
        before[i] === after[j] ? lengths[at + width + 1] + 1 : Math.max(lengths[at + width], lengths[at + 1]);
    }
  }
  const pairs: [number | undefined, number | undefined][] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) pairs.push([i++, j++]);
    else if (
      j === after.length ||
      (i < before.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])
    ) {
      pairs.push([i++, undefined]);
    } else pairs.push([undefined, j++]);
  }
  return pairs;
}

/** Lines of context around a change. */
const CONTEXT = 2;

/** The comparison as text: `-` before, `+` after, and an ellipsis for unchanged lines. */
export function printDiff(lines: readonly DiffLine[]): string {
  const near = lines.map((_, k) =>
    lines.slice(Math.max(0, k - CONTEXT), k + CONTEXT + 1).some(({ kind }) => kind !== "same"),
  );
  return lines
    .flatMap(({ kind, text }, k) => {
      if (near[k]) return [`${SIGN[kind]} ${text}`.trimEnd()];
      return k === 0 || near[k - 1] ? ["  …"] : [];
    })
    .join("\n");
}

const SIGN: Readonly<Record<DiffLine["kind"], string>> = { same: " ", removed: "-", added: "+" };
