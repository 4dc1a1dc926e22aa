/** Names in a kernel function: the requested ones if they are free, otherwise numbered. */

/** Words that cannot name a parameter or a variable of a kernel. */
const RESERVED = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let Math new null package private " +
    "protected public return static super switch this throw true try typeof var void while with yield Infinity " +
    "NaN undefined"
  ).split(" "),
);

export class Names {
  private readonly taken = new Set<string>(RESERVED);
  private readonly stable = new Map<string, string>();
  private readonly counters = new Map<string, number>();

  /** The name that always stands for `wish`. */
  of(wish: string): string {
    let name = this.stable.get(wish);
    if (name === undefined) {
      name = this.fresh(wish);
      this.stable.set(wish, name);
    }
    return name;
  }

  /** A new name. */
  fresh(wish: string): string {
    // Two underscores in a row are reserved in shading languages.
    const stem = wish
      .replace(/[^A-Za-z0-9_]/g, "_")
      .replace(/_+/g, "_")
      .replace(/_$/, "");
    let name = stem;
    for (let k = this.counters.get(stem) ?? 2; this.taken.has(name); k++) {
      name = `${stem}_${k}`;
      this.counters.set(stem, k);
    }
    this.taken.add(name);
    return name;
  }
}
