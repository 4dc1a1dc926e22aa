/**
 * Runs for measuring. They are the same as a user's, but the model's state is restored after each, so that the model does
 * not learn the batch by heart.
 */

import type { TypedArray } from "../../core/dtype.ts";
import { profileAlone } from "../inspection/profile.ts";
import { ProgramProfile } from "../inspection/program-profile.ts";
import { NOTHING, type Run, readOutputArrays } from "./run.ts";
import type { Specialization } from "./specialization.ts";

/** A program that is part of a run, with what it is fed. */
export interface Part {
  readonly program: Specialization;
  readonly inputs: readonly TypedArray[];
  readonly scalars: Readonly<Record<string, number>>;
}

const WHOLE: Run<unknown> = {
  label: () => "a run that is measured",
  take: readOutputArrays,
  changes: "undone",
};

const BY_KERNEL: Run<unknown> = { ...WHOLE, take: NOTHING };

/** Measures runs of `parts`, one after the other, for so many milliseconds; putting the state back is not measured. */
export async function profileRuns(parts: readonly Part[], milliseconds: number): Promise<ProgramProfile> {
  const snapshots = await Promise.all(parts.map(({ program }) => program.snapshot()));
  let restoring = 0;
  const restore = async (): Promise<void> => {
    const begin = performance.now();
    for (const putBack of snapshots) await putBack();
    restoring += performance.now() - begin;
  };
  const subject = {
    kernels: parts.flatMap(({ program }) => program.kernels),
    run: async () => {
      for (const { program, inputs, scalars } of parts)
        await program.run(WHOLE, inputs, scalars, program.executable);
      await restore();
    },
    runByKernel: async () => {
      const times: number[] = [];
      for (const { program, inputs, scalars } of parts)
        times.push(...(await program.runByKernel(BY_KERNEL, inputs, scalars)));
      await restore();
      return times;
    },
  };
  try {
    const measured = await profileAlone(subject, milliseconds, () => performance.now() - restoring);
    return new ProgramProfile(parts[0].program.backend, measured);
  } finally {
    await restore();
  }
}
