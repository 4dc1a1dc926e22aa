/** Reads the walkthrough as its reader does: what is typed, what is seen then, and which files are saved. */

/** A command, and the lines that are shown below it; `…` stands for any text. */
export interface Typed {
  readonly command: string;
  readonly shown: readonly string[];
}

/** A file that the reader is told to save. */
export interface Saved {
  readonly path: string;
  readonly content: string;
}

/** The commands of all console blocks, in order. */
export const typedIn = (markdown: string): readonly Typed[] =>
  [...markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command, ...shown] = part.trimEnd().split("\n");
        return { command, shown };
      }),
  );

/** Files are named in the line before their block. */
export const savedIn = (markdown: string): readonly Saved[] =>
  [...markdown.matchAll(/^Save this as `([^`]+)`:\n\n```\w+\n([\s\S]*?)^```$/gm)].map(
    ([, path, content]) => ({
      path,
      content,
    }),
  );

/** The output that is promised, as a pattern: a line `…` is any number of lines, elsewhere `…` is the rest of a line. */
export function promised(shown: readonly string[]): RegExp {
  const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const lines = shown.map((line) =>
    line === "…" ? "(?:.*\n)*?" : `${escaped(line).replaceAll("…", ".*")}\n`,
  );
  return new RegExp(`^${lines.join("")}`);
}
