/** Says once what is allowed and is nearly always a mistake. */

const said = new Set<string>();

/** Prints `message` where a program's warnings go, the first time that it comes. */
export function warn(message: string): void {
  if (said.has(message)) return;
  said.add(message);
  console.warn(`kiln: ${message}`);
}
