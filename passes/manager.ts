/** Runs passes in order with instruments around them: timing, dumps and verification. */

import { InternalError } from "../src/core/errors.ts";
import { type Artifact, isGraph, isPlan, printArtifact, type StageDump } from "../src/ir/artifact.ts";
import { verifyGraph } from "../src/ir/verify.ts";
import { verifyKernels } from "../src/loop/verify.ts";
import { verifyProgram } from "../src/loop/verify-program.ts";
import { opTable } from "../src/ops/registry.ts";
import type { Pass, StageInfo } from "./pass.ts";

/** When kernels are verified: as soon as a pass has made them, or once the plan is complete. */
export type Verification = "each" | "plan";

/** Collects stages while passes run. Texts are printed only when somebody reads them. */
export class PassManager {
  private readonly records: { name: string; doc: string; artifact: Artifact; milliseconds: number }[] = [];
  private readonly verification: Verification;

  /**
   * With `"plan"`, the backend's input is verified and the stages before it are not: they are looked at if that fails,
   * to name the pass. Graphs are always verified at once.
   */
  constructor(verification: Verification = "each") {
    this.verification = verification;
  }

  /** Records an artifact that no pass made, such as the traced graph. */
  start({ name, doc }: StageInfo, artifact: Artifact, milliseconds: number): void {
    this.verify(name, artifact);
    this.records.push({ name, doc, artifact, milliseconds });
  }

  /** Runs one pass and verifies its result. */
  run<I, O extends Artifact>(pass: Pass<I, O>, input: I): O {
    const begin = performance.now();
    const output = this.named(() => pass.run(input));
    const milliseconds = performance.now() - begin;
    const isDue = this.verification === "each" || isGraph(output) || isPlan(output);
    // What a pass left unchanged has been verified.
    if (isDue && (output as Artifact) !== input) this.named(() => this.verify(pass.name, output));
    this.records.push({ name: pass.name, doc: pass.doc, artifact: output, milliseconds });
    return output;
  }

  /** The result of `body`; undefined if it fails, as if its passes had not run. */
  attempt<T>(body: () => T): T | undefined {
    const before = this.records.length;
    try {
      return body();
    } catch (error) {
      if (!(error instanceof InternalError)) throw error;
      this.records.length = before;
      return undefined;
    }
  }

  /** All stages so far, printed. */
  stages(): StageDump[] {
    let previous: string | undefined;
    return this.records.map(({ name, doc, artifact, milliseconds }) => {
      const text = printArtifact(artifact);
      const unchanged = text === previous;
      previous = text;
      return { name, doc, artifact, text, unchanged, milliseconds };
    });
  }

  /**
   * The result of `body`; if it fails, the error names the first
   * pass at fault, even one whose kernels were not verified.
   */
  private named<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (error instanceof InternalError && this.verification === "plan")
        for (const { name, artifact } of this.records) this.verify(name, artifact);
      throw error;
    }
  }

  private verify(pass: string, artifact: Artifact): void {
    try {
      if (isGraph(artifact)) verifyGraph(artifact, opTable);
      else {
        verifyKernels(artifact.kernels);
        verifyProgram(artifact);
      }
    } catch (error) {
      if (error instanceof InternalError) throw new InternalError(`after pass ${pass}: ${error.fault}`);
      throw error;
    }
  }
}
