/** Looks over JSON that comes from outside before it is parsed: how many values it would make, and the names at its top. */

const [QUOTE, BACKSLASH, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  ...'"\\,:[]{}',
].map((mark) => mark.charCodeAt(0));

/** What is found without parsing. */
export interface JsonOutline {
  /** Lists, objects and commas: as many values as it holds, or a few more. */
  readonly values: number;
  /** Where the names of the outermost object stand, quotes included. */
  readonly names: readonly (readonly [begin: number, end: number])[];
}

/** The outline of `json` in UTF-8, as far as it is JSON; `undefined` when it holds more than `mostValues` values. */
export function outlineOf(json: Uint8Array, mostValues: number): JsonOutline | undefined {
  const names: (readonly [number, number])[] = [];
  let [values, depth] = [0, 0];
  let text: readonly [number, number] | undefined;
  for (let k = 0; k < json.length; k++) {
    switch (json[k]) {
      case QUOTE: {
        const begin = k++;
        while (k < json.length && json[k] !== QUOTE) k += json[k] === BACKSLASH ? 2 : 1;
        text = [begin, k + 1];
        break;
      }
      case COLON:
        if (depth === 1 && text !== undefined) names.push(text);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth++;
        values++;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--;
        break;
      case COMMA:
        values++;
        break;
    }
    if (values > mostValues) return undefined;
  }
  return { values, names };
}
