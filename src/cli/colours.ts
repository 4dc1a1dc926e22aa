/** Colours for a terminal, mainly for dumps: names, types, ops, keywords, and the lines of the model they come from. */

import { styleText } from "node:util";
import { plainText } from "../inspect/escape.ts";

/** The kind of a part of a text. */
type Part = "origin" | "value" | "type" | "keyword" | "op";

const STYLE: Readonly<Record<Part, Parameters<typeof styleText>[0]>> = {
  origin: "gray",
  value: "cyan",
  type: "green",
  keyword: "blue",
  op: "bold",
};

/** First words of lines of the IR. */
const FIRST_WORDS = [
  ...["graph", "keep", "recompute", "group", "view", "layout", "return", "update"],
  ...["program", "plan", "threads", "scalars", "commit", "arena", "input", "output", "state", "intermediate"],
  ...["kernel", "ops", "flops", "schedule", "estimate", "read", "write", "readwrite", "scratch", "scalar"],
  ...["section", "append", "var"],
];

/** Words of the IR and of generated code, in any position. */
const WORDS = [
  "params",
  "scalars",
  "for",
  "let",
  "if",
  "in",
  "function",
  "const",
  "return",
  "else",
  "loop",
  "block",
];

const PARTS = new RegExp(
  [
    "(?<origin> {2,}at .*$| {2,}# .*$|//.*$|;;.*$)",
    '(?<value>[%@$](?:"(?:[^"\\\\]|\\\\.)*"|[\\w.]+))',
    "(?<type>\\b(?:f32|i32|bool|u8)\\[[^\\]]*\\])",
    `(?<keyword>^ *(?:${FIRST_WORDS.join("|")})\\b(?= |$)|\\b(?:${WORDS.join("|")})\\b(?= |\\())`,
    "(?<op>\\b[a-z]\\w*(?=\\())",
  ].join("|"),
  "gm",
);

/** How a text is painted. The result holds no control characters except line breaks and these colours. */
export interface Palette {
  /** A dump of the IR, or generated code. */
  ir(text: string): string;
  heading(text: string): string;
  faint(text: string): string;
  /** An important figure. */
  figure(text: string): string;
  /** A comparison, `-` and `+` before its lines. */
  diff(text: string): string;
}

const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
  styleText(style, text, { validateStream: false });

const COLOURED: Palette = {
  ir: (text) =>
    plainText(text).replace(PARTS, (match, ...rest) => {
      const groups = rest.at(-1) as Readonly<Partial<Record<Part, string>>>;
      const part = (Object.keys(STYLE) as Part[]).find((name) => groups[name] !== undefined);
      return part === undefined ? match : paint(STYLE[part], match);
    }),
  heading: (text) => paint("bold", plainText(text)),
  faint: (text) => paint("gray", plainText(text)),
  figure: (text) => paint("green", plainText(text)),
  diff: (text) =>
    plainText(text).replace(/^([-+]).*$/gm, (line, sign) => paint(sign === "-" ? "red" : "green", line)),
};

/** No colours. */
export const PLAIN: Palette = {
  ir: plainText,
  heading: plainText,
  faint: plainText,
  figure: plainText,
  diff: plainText,
};

/**
 * The palette for output to `stream`: colours on a terminal, none elsewhere. FORCE_COLOR overrides this in
 * either direction (0 is none), and NO_COLOR turns colours off.
 */
export function paletteFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Palette {
  const { FORCE_COLOR: forced, NO_COLOR: refused, TERM: terminal } = env;
  if (forced !== undefined) return forced === "0" || forced === "false" ? PLAIN : COLOURED;
  if (refused !== undefined && refused !== "") return PLAIN;
  return stream.isTTY && terminal !== "dumb" ? COLOURED : PLAIN;
}
