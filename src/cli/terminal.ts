/** The width of a terminal. */

/** Columns if the output is not a terminal: as wide as the widest texts of the command. */
const NO_TERMINAL = 100;

/** Columns of the terminal `stream`, at least so many that words fit. */
export const columnsOf = (stream: { readonly columns?: number }): number =>
  Math.max(40, stream.columns ?? NO_TERMINAL);

/**
 * `text` with lines cut where the terminal `stream` would break them; all of it for other output. For
 * tables, whose last columns matter least.
 */
export function fitted(
  text: string,
  stream: { readonly isTTY?: boolean; readonly columns?: number },
): string {
  if (stream.isTTY !== true || stream.columns === undefined) return text;
  const most = columnsOf(stream);
  return text
    .split("\n")
    .map((line) => {
      const characters = [...line];
      return characters.length <= most ? line : `${characters.slice(0, most - 1).join("")}…`;
    })
    .join("\n");
}
