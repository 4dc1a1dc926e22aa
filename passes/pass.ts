/** What a pass is: a named, documented function from one immutable value to another. */

/** How a dump knows the result of a pass. */
export interface StageInfo {
  /** The stage's name, as `kiln dump --stage` takes it. */
  readonly name: string;
  readonly doc: string;
}

export interface Pass<I, O> extends StageInfo {
  run(input: I): O;
}
