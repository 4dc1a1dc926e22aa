/** Runs passes in order with instruments around them: time, dump and verification. */

import { InternalError } from "../src/core/errors.ts";
import { printGraph } from "../src/ir/print.ts";
import type { Graph } from "../src/ir/types.ts";
import { verifyGraph } from "../src/ir/verify.ts";
import { type ProgramPlan, printPlan } from "../src/loop/plan.ts";
import { type LoweredProgram, printProgram } from "../src/loop/program.ts";
import { verifyKernel } from "../src/loop/verify.ts";
import { opTable } from "../src/ops/registry.ts";
import type { Pass, StageInfo } from "./pass.ts";

/** The dump after one stage. */
export interface Stage {
  readonly name: string;
  readonly doc: string;
  readonly text: string;
  /** True when the text is that of the stage before. */
  readonly unchanged: boolean;
  readonly milliseconds: number;
}

/** What flows through the pipeline. */
export type Artifact = Graph | LoweredProgram | ProgramPlan;

/** Collects stages while passes run. Texts are printed only when somebody reads them. */
export class PassManager {
  private readonly records: { name: string; doc: string; artifact: Artifact; milliseconds: number }[] = [];

  /** Records an artifact that no pass made, such as the traced graph. */
  start({ name, doc }: StageInfo, artifact: Artifact, milliseconds: number): void {
    this.verify(name, artifact);
    this.records.push({ name, doc, artifact, milliseconds });
  }

  /** Runs one pass and verifies what it made. */
  run<I, O extends Artifact>(pass: Pass<I, O>, input: I): O {
    const begin = performance.now();
    const output = pass.run(input);
    const milliseconds = performance.now() - begin;
    this.verify(pass.name, output);
    this.records.push({ name: pass.name, doc: pass.doc, artifact: output, milliseconds });
    return output;
  }

  /** All stages so far, printed. */
  stages(): Stage[] {
    let previous: string | undefined;
    return this.records.map(({ name, doc, artifact, milliseconds }) => {
      const text = printArtifact(artifact);
      const unchanged = text === previous;
      previous = text;
      return { name, doc, text, unchanged, milliseconds };
    });
  }

  private verify(pass: string, artifact: Artifact): void {
    try {
      if ("kernels" in artifact) artifact.kernels.forEach(verifyKernel);
      else verifyGraph(artifact, opTable);
    } catch (error) {
      if (error instanceof InternalError) throw new InternalError(`after pass ${pass}: ${error.message}`);
      throw error;
    }
  }
}

function printArtifact(artifact: Artifact): string {
  if ("placements" in artifact) return `${printPlan(artifact)}`;
  return "kernels" in artifact ? printProgram(artifact) : printGraph(artifact);
}
