/** What distinguishes one optimizer from another: its options, its update rule, and the numbers of each step. */

import type { UpdateRule } from "../ir/update.ts";
import type { Arguments } from "../nn/options.ts";

/** The update of one parameter group. */
export interface GroupUpdate {
  /** The update, written with graph operations. */
  readonly rule: UpdateRule;
  /** Whether the scalars differ between a parameter's first update and later ones. */
  readonly countsSteps: boolean;
  /** The values of the rule's scalars for a parameter that has had `completed` updates. */
  scalarValues(lr: number, completed: number): Readonly<Record<string, number>>;
}

export interface Algorithm<S extends object> {
  /** The name of the class, for messages. */
  readonly name: string;
  /** The default learning rate. */
  readonly lr: number;
  /** The names of all other options. */
  readonly options: readonly string[];
  /** The other options, checked, with PyTorch's defaults. Throws a KilnError for values that cannot be. */
  settings(given: Arguments, options: Partial<S>): S;
  /** The update of a group with these settings, which stay what they are: they are constants of the graph. */
  update(settings: S): GroupUpdate;
}
