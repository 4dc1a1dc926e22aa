/** Text of a user's in a comment of C. */

/** As a line that ends no comment and is continued by none. */
export const commentLine = (text: string): string =>
  text
    .replace(/[\\\p{Cc}\u2028\u2029]/gu, " ")
    .replace(/\*\//g, "* /")
    .replace(/\/\*/g, "/ *")
    .replaceAll("??", "? ?");
