/** Says once what is allowed and is nearly always a mistake. */

const said = new WeakMap<object, Set<string>>();

/** What messages are about that concern no class. */
const anything = {};

/**
 * Prints `message` where a program's warnings go, the first time that it comes; `place` says where it came from and does not
 * make it another. A message about a class comes once for that class.
 */
export function warn(message: string, place = "", about: object = anything): void {
  const before = said.get(about) ?? new Set();
  if (before.has(message)) return;
  said.set(about, before.add(message));
  console.warn(`kiln: ${message}${place && ` (${place})`}`);
}
