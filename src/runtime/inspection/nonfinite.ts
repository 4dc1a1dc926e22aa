/** Finds where a NaN or infinity came from, by running the kernels of a step one after another. */

import { formatOrigins } from "../../core/origin.ts";
import { storingPart } from "../../loop/parts.ts";
import type { Kernel } from "../../loop/types.ts";
import { StoredValues } from "../state/stored-values.ts";
import { Instrument } from "./instrument.ts";
import { runOneByOne } from "./one-by-one.ts";

export class NonFiniteSearch extends Instrument {
  /** The message for the user: the input, the state, or the first kernel and model line that is to blame. */
  verdict = "no kernel's result shows where it came from";

  async run(from: number, to: number, scalars: Float64Array): Promise<void> {
    this.verdict = (await this.search(from, to, scalars)) ?? this.verdict;
  }

  private async search(from: number, to: number, scalars: Float64Array): Promise<string | undefined> {
    const { plan, executable } = this;
    const values = new StoredValues(plan, executable);
    const sick = async (buffer: string): Promise<boolean> =>
      (await values.read(buffer))?.some((value) => !Number.isFinite(value)) ?? false;
    for (const { name, buffer } of plan.inputs) {
      if (await sick(buffer)) return `the input ${name} holds NaN or infinity`;
    }
    for (const { name, buffer } of plan.states) {
      if (await sick(buffer)) {
        return (
          `the state ${name} holds NaN or infinity already: it was given like this, or comes from the gradients of an earlier ` +
          'step whose loss was finite; compiled with watch: "nan", that step stops and names the kernel'
        );
      }
    }
    let blamed: Kernel | undefined;
    await runOneByOne(plan, executable, [from, to], scalars, {
      async after(k) {
        for (const buffer of values.storedBy(plan.kernels[k]))
          if (blamed === undefined && (await sick(buffer)))
            blamed = storingPart(plan.kernels[k], buffer).part;
        return blamed && "stop";
      },
    });
    return blamed && `it appears first in kernel ${blamed.name} at ${formatOrigins(blamed.origins)}`;
  }
}
