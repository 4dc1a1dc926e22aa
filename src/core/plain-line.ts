/** Makes foreign text harmless to show as one line: a terminal must not obey anything in it. */

/** Control characters, unpaired surrogates, and invisible characters that reverse text. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Anything but printable ASCII, which is all that most lines contain; this is much faster to search for. */
const UNUSUAL = /[^ -~]/;

/** One line without control characters: each of them becomes a question mark. */
export const plainLine = (text: string): string => (UNUSUAL.test(text) ? text.replace(CONTROL, "?") : text);
