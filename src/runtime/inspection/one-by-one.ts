/** Runs a program's kernels one by one, including all iterations of loops, for observers of what happens in between. */

import type { Executable } from "../../../backends/backend.ts";
import { type Move, runOrder } from "../../loop/loops.ts";
import type { ProgramPlan } from "../../loop/plan.ts";

/** Called before and after each run of a kernel; the run ends if one of them returns `"stop"`. */
export interface Observer {
  before?(kernel: number): undefined | "stop" | Promise<undefined | "stop">;
  after?(kernel: number): undefined | "stop" | Promise<undefined | "stop">;
  /** Called after each move. */
  moved?(move: Move, place: number): void;
}

/** Runs the kernels `from` … `to` - 1. */
export async function runOneByOne(
  { loops = [] }: ProgramPlan,
  executable: Executable,
  [from, to]: readonly [number, number],
  scalars: Float64Array,
  observer: Observer,
): Promise<void> {
  for (const step of runOrder(loops, from, to)) {
    switch (step.kind) {
      case "kernels":
        for (let k = step.from; k < step.to; k++) {
          if ((await observer.before?.(k)) === "stop") return;
          const done = executable.run(k, k + 1, scalars);
          if (done !== undefined) await done;
          if ((await observer.after?.(k)) === "stop") return;
        }
        break;
      case "move":
        await executable.move(step.move, step.place);
        observer.moved?.(step.move, step.place);
        break;
      case "end":
        executable.end?.(step.loop);
        break;
      default:
        step satisfies never;
    }
  }
}
