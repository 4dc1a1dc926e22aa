/** What published sources for Node call: functions keep the names that messages show where a bundler gives them others. */

/** Gives each of `values` the name that it has here. */
export function named(values: Readonly<Record<string, { readonly name: string }>>): void {
  for (const [name, value] of Object.entries(values))
    if (value.name !== name) Object.defineProperty(value, "name", { value: name });
}
