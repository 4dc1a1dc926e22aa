/** A user's text in a comment of C. */

/** As a line that neither ends the comment nor continues it on the next line. */
export const commentLine = (text: string): string =>
  text
    .replace(/[\\\p{Cc}\u2028\u2029]/gu, " ")
    .replace(/\*\//g, "* /")
    .replace(/\/\*/g, "/ *")
    .replaceAll("??", "? ?");
