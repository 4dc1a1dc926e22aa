/** Parameters that share a learning rate and all other options of an optimizer. */

import { describeValue } from "../core/describe-value.ts";
import { KilnError } from "../core/errors.ts";
import type { UpdateRule } from "../ir/update.ts";
import { isModule, isParameter } from "../nn/brand.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { GroupUpdate } from "./algorithm.ts";

/** A group as it is given: its parameters, and the options that differ from the optimizer's. */
export type GroupOptions<Options> = Options & { readonly params: Parameter | Iterable<Parameter> };

/** What every optimizer takes first: parameters, or groups of them. */
export type ParameterList<Options> = Iterable<Parameter> | Iterable<GroupOptions<Options>>;

/** A group of parameters with options of their own, as `optimizer.paramGroups` has them; `lr` may be set at any time. */
export class ParamGroup {
  /** The parameters of the group. */
  readonly params: readonly Parameter[];
  /** The options but the learning rate; they are constants of the compiled step. */
  readonly settings: object;
  /** The learning rate that schedules start from: the one in effect when the first schedule came (`initial_lr`). */
  initialLr: number | undefined;
  readonly #update: GroupUpdate;
  #lr = 0;

  constructor(params: readonly Parameter[], lr: number, settings: object, update: GroupUpdate) {
    this.params = params;
    this.lr = lr;
    this.settings = settings;
    this.#update = update;
  }

  /** The learning rate. It is fed to every step as a number, so a change never compiles anything again. */
  get lr(): number {
    return this.#lr;
  }

  set lr(value: number) {
    if (!Number.isFinite(value) || value < 0) {
      throw new KilnError(`the learning rate must be a finite number of at least 0, not ${value}`);
    }
    this.#lr = value;
  }

  /** The update, written with graph operations. */
  get rule(): UpdateRule {
    return this.#update.rule;
  }

  /** Whether parameters that have had different numbers of updates need scalars of their own. */
  get countsSteps(): boolean {
    return this.#update.countsSteps;
  }

  /** The values of the rule's scalars for the next update of a parameter that has had `completed` ones. */
  scalarValues(completed: number): Readonly<Record<string, number>> {
    return this.#update.scalarValues(this.lr, completed);
  }
}

/** Takes apart what an optimizer was given: one group of plain parameters, or the groups themselves. */
export function groupsIn<Options extends object>(given: ParameterList<Options>): GroupOptions<Options>[] {
  const list = listed(given);
  if (!isGroup(list[0])) return [{ params: list } as GroupOptions<Options>];
  const stranger = list.findIndex((item) => !isGroup(item));
  if (stranger >= 0) {
    throw new KilnError(
      `an optimizer takes parameters or groups such as { params: net.fc.parameters(), lr: 0.1 }, not both: item ${stranger} is not a group`,
    );
  }
  return list as GroupOptions<Options>[];
}

/** The items of what should be a list of parameters or groups. */
function listed(given: unknown): unknown[] {
  if (isModule(given)) {
    throw new KilnError(
      `an optimizer takes parameters, not the module ${given.constructor.name}: write net.parameters()`,
    );
  }
  if (isParameter(given))
    throw new KilnError("an optimizer takes a list of parameters: write [parameter] for a single one");
  if (typeof given === "object" && given !== null && Symbol.iterator in given)
    return [...(given as Iterable<unknown>)];
  throw new KilnError(
    `an optimizer takes a list of Parameters, such as net.parameters(), not ${describeValue(given)}`,
  );
}

const isGroup = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !isParameter(value) && "params" in value;

/** The parameters of a group, none of them in it twice or in one of `others`. */
export function checkedParameters(
  given: Parameter | Iterable<Parameter>,
  others: readonly ParamGroup[],
): readonly Parameter[] {
  const list = isParameter(given) ? [given] : (listed(given) as readonly Parameter[]);
  if (list.length === 0) {
    throw new KilnError(
      "optimizer got an empty parameter list: a model without parameters has nothing to train, only its forward pass can be " +
        "compiled (kiln --mode forward); layers in a plain array are not found, nn.ModuleList holds them",
    );
  }
  const stranger = list.findIndex((item) => !isParameter(item));
  if (stranger >= 0) {
    throw new KilnError(
      `an optimizer takes a list of Parameters, such as net.parameters(), but item ${stranger} is not one`,
    );
  }
  if (new Set(list).size < list.length) throw new KilnError("an optimizer is given the same parameter twice");
  const shared = list.findIndex((item) => others.some(({ params }) => params.includes(item)));
  if (shared >= 0) {
    const before = others.findIndex(({ params }) => params.includes(list[shared]));
    throw new KilnError(
      `a parameter may be in one group alone, but item ${shared} of group ${others.length} is in group ${before} too`,
    );
  }
  return list;
}
