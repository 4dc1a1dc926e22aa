/** Makes foreign text harmless to show as one line: a terminal must not obey anything in it. */

/** Control characters, unpaired surrogates, and invisible characters that reverse text. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** One line without control characters: each of them becomes a question mark. */
export const plainLine = (text: string): string => text.replace(CONTROL, "?");
