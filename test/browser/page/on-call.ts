/** Watches a browser's own classes, which tests know by name alone. */

type Method = (this: object, ...args: object[]) => object;

/** Has `note` told of each call of a method of a class that this browser may have. */
export function onCall(
  className: string,
  name: string,
  note: (self: object, args: readonly object[], result: object) => unknown,
): void {
  const found: { readonly prototype: Record<string, Method> } | undefined = Reflect.get(
    globalThis,
    className,
  );
  if (found === undefined) return;
  const original = found.prototype[name];
  found.prototype[name] = function (...args) {
    const result = original.apply(this, args);
    note(this, args, result);
    return result;
  };
}
