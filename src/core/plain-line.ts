/** Makes text of somebody else's harmless where it is shown as one line: a terminal must obey nothing in it. */

/** Control characters, halves of characters, and those that no reader sees but that turn text around. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** One line without control characters: each of them becomes a question mark. */
export const plainLine = (text: string): string => text.replace(CONTROL, "?");
