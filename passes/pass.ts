/** What a pass is: a named, documented function from one immutable value to another. */

export interface Pass<I, O> {
  /** The stage's name, as `kiln dump --stage` takes it. */
  readonly name: string;
  readonly doc: string;
  run(input: I): O;
}
