/** Describes a value that was given where something else was expected. */

/** In a few words: `null`, `the number 3`, `an array`, `a Float32Array`, `the class SGD`, `an object of the class LeNet`. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "number":
    case "bigint":
    case "boolean":
      return `the ${typeof value} ${value}`;
    case "string":
      return `the string ${JSON.stringify(value)}`;
    case "symbol":
      return "a symbol";
    case "function":
      return value.name === "" ? "a function" : `the ${isClass(value) ? "class" : "function"} ${value.name}`;
    default:
      return value === null ? "null" : describeObject(value as object);
  }
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return "an array";
  if (value instanceof Promise) return "a promise, which must be awaited";
  const name: unknown = value.constructor?.name;
  if (typeof name !== "string" || name === "" || name === "Object") return "an object";
  return ArrayBuffer.isView(value) ? withArticle(name) : `an object of the class ${name}`;
}

const withArticle = (name: string): string => `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;

/** Whether a function is a class, as far as its source tells. */
export const isClass = (value: unknown): boolean =>
  typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
