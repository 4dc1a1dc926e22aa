/** Distinguishes the frames of a stack trace that are in Kiln's own files or in a package from those of the user's program. */

/** This file, or the one that a bundler has put it in; a classic script does not know what it is called. */
const HERE: string | undefined = import.meta.url;

/** Kiln's own folders, the built package's, or the one file that a bundler has made. */
const LIBRARY = HERE === undefined ? [] : foldersBeside(HERE).map((path) => new URL(path, HERE).href);

function foldersBeside(file: string): readonly string[] {
  if (/\/src\/core\/library-frames\.[jt]s$/.test(file))
    return ["../../src/", "../../passes/", "../../backends/"];
  return [/\/dist\/node\/[^/]+$/.test(file) ? "./" : file];
}

const FRAME = /(?:\(|at |@)((?:file:\/\/|https?:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?$/;

/** A file's path or address as the engine writes it, with line and column. */
export interface Frame {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What a line of a stack trace says; `undefined` for a line that names no file, such as the message. */
export function parseFrame(text: string): Frame | undefined {
  const found = FRAME.exec(text.trim());
  return found === null ? undefined : { file: found[1], line: Number(found[2]), column: Number(found[3]) };
}

/** Whether a file belongs to Kiln itself. */
function isOwnFile(file: string): boolean {
  // In a classic script Kiln's frames cannot be told from the user's: no line is better than a wrong one.
  if (HERE === undefined) return true;
  const url = file.startsWith("/") ? `file://${file}` : file;
  return LIBRARY.some((folder) => url.startsWith(folder));
}

/** Whether a file is not the user's: Kiln's own, a package's, or the engine's. */
export const isForeignFile = (file: string): boolean =>
  file.includes("/node_modules/") || file.startsWith("node:") || isOwnFile(file);

/**
 * A stack trace without Kiln's own frames, where others are left. Engines other than V8 write no message in front; their
 * traces are treated alike.
 */
export function withoutOwnFrames(stack: string): string {
  const lines = stack.split("\n");
  const isKept = (line: string): boolean => {
    const frame = parseFrame(line);
    return frame === undefined || !isOwnFile(frame.file);
  };
  const kept = lines.filter(isKept);
  return (kept.some((line) => parseFrame(line) !== undefined) ? kept : lines).join("\n");
}
