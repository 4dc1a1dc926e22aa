/** Refuses unknown options, such as mistyped ones. */

import { describeValue } from "./describe-value.ts";
import { KilnError } from "./errors.ts";
import { suggestion } from "./suggestion.ts";

/** Every name that an object of options may have; checked by the types where it is written as `satisfies` of this. */
export type OptionNames<Options extends object> = Readonly<Record<keyof Options & string, true>>;

/** Throws unless `options` is an object whose every name is in `names`. */
export function checkOptionNames(
  callee: string,
  options: unknown,
  names: Readonly<Record<string, true>>,
): void {
  const known = Object.keys(names);
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new KilnError(
      `${callee} takes its options as an object, not ${describeValue(options)}; they are ${known.join(", ")}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue;
    throw new KilnError(
      `${callee} has no option ${name}${suggestion(name, known)}; its options are ${known.join(", ")}`,
    );
  }
}
