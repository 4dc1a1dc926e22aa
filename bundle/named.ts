/** A helper in published sources for Node: functions keep the names that messages show if a bundler renames them. */

/** Gives each of `values` its key as its name. */
export function named(values: Readonly<Record<string, { readonly name: string }>>): void {
  for (const [name, value] of Object.entries(values))
    if (value.name !== name) Object.defineProperty(value, "name", { value: name });
}
