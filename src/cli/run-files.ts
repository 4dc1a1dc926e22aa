/** The files that `kiln train --out` writes: the parameters, for any other tool, and the run as plain data. */

import type { Module } from "../nn/index.ts";
import { encodeSafetensors, type StoredTensor } from "../runtime/files/safetensors.ts";
import type { Inspectable } from "../runtime/programs/program.ts";
import type { TrainingDisplay } from "./train/training-display.ts";
import { packageVersion } from "./version.ts";

/** The results of a run. */
export interface Outcome {
  readonly totalSeconds: number;
  readonly interrupted: boolean;
  readonly steps: number;
}

export interface Run {
  /** The settings, including defaults. */
  readonly settings: object;
  /** Where the samples come from. */
  readonly data: string;
  /** How they were encoded as numbers; absent if there is nothing to know. */
  readonly encoding: object | undefined;
  readonly trainer: Inspectable;
  readonly program: Inspectable;
  readonly display: TrainingDisplay;
  readonly outcome: Outcome;
}

/** The files of a run by name: the state dict under PyTorch's keys, and a report. */
export async function runFiles(
  model: Module,
  run: Run,
  root: URL,
): Promise<Record<string, string | Uint8Array>> {
  const kiln = await packageVersion(root);
  const tensors = Object.entries(model.stateDict()).map(async ([name, tensor]) => {
    const { dtype, shape } = tensor;
    return [name, { dtype, shape, data: await tensor.data() }] as [string, StoredTensor];
  });
  const { settings, data, encoding, trainer, program, display, outcome } = run;
  const report = {
    versions: { kiln, node: process.versions.node },
    platform: `${process.platform} ${process.arch}`,
    settings,
    data,
    encoding,
    ...outcome,
    epochs: display.epochs,
    lossCurve: display.curve,
    training: describeProgram(trainer),
    testing: describeProgram(program),
  };
  return {
    "model.safetensors": encodeSafetensors(await Promise.all(tensors), { format: "pt", kiln }),
    "run.json": `${JSON.stringify(report, undefined, 2)}\n`,
  };
}

const describeProgram = ({ compileMilliseconds, memory, kernels }: Inspectable): object => ({
  compileMilliseconds,
  memory,
  kernels: kernels.map(({ name, flops, nominalFlops, bytes }) => ({ name, flops, nominalFlops, bytes })),
});
