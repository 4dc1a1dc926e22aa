/** Warns, once, of what is allowed but nearly always a mistake. */

const said = new WeakMap<object, Set<string>>();

/** The subject of messages that concern no class. */
const anything = {};

/**
 * Prints `message` as a warning the first time that it comes; `place` says where it came from and does not
 * make it another. A message about a class comes once for that class.
 */
export function warn(message: string, place = "", about: object = anything): void {
  const before = said.get(about) ?? new Set();
  if (before.has(message)) return;
  said.set(about, before.add(message));
  console.warn(`kiln: ${message}${place && ` (${place})`}`);
}
