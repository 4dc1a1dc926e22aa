/** Quotes the user's text for generated source, whatever it contains, even if that source goes into a page. */

/** `value` as source: nothing in it ends a script element, a line or a literal. */
export const literal = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>\u2028\u2029\u007f-\u009f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** A line of a comment without what ends a comment or a script element. */
export const commentText = (line: string): string =>
  line.replace(/[<>]/g, (bracket) => (bracket === "<" ? "‹" : "›")).replace(/\*\//g, "* /");
