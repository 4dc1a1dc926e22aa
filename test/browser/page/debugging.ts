/** What a page sees of `KILN_DEBUG`, `profile()` and `watch`, as plain data. */

import { compile, compileTraining, nn, optim, type Tensor, tensor } from "kiln-js";
import type { BackendName } from "../../../backends/registry.ts";

class Logarithm extends nn.Module {
  fc = new nn.Linear(2, 3);

  override forward(x: Tensor): Tensor {
    return this.fc.forward(x).mul(0).add(x.sum()).log();
  }
}

export interface Debugged {
  /** What is written to the console. */
  readonly lines: readonly string[];
  readonly profile: string;
  readonly kernels: readonly string[];
  /** Whether profiling left the parameters alone. */
  readonly unchanged: boolean;
  /** The message of the error that a NaN ends in. */
  readonly failure: string;
}

/** Compiles, measures and fails on `backend`; before that it sets the global variable. */
export async function debugged(backend: BackendName): Promise<Debugged> {
  const lines: string[] = [];
  console.debug = (line: string) => lines.push(line);
  (globalThis as { KILN_DEBUG?: number }).KILN_DEBUG = 2;
  const model = new Logarithm();
  const trainer = await compileTraining(model, {
    inputs: [[2, 2]],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    backend,
  });
  const parameters = async (): Promise<string> =>
    JSON.stringify(await Promise.all(model.parameters().map((p) => p.array())));
  const before = await parameters();
  const profile = await trainer.profile({ milliseconds: 20 });
  const unchanged = (await parameters()) === before;
  const program = await compile(model, { inputs: [[2, 2]], backend, watch: "nan" });
  const failure = await program
    .run(
      tensor([
        [1, -5],
        [0, 1],
      ]),
    )
    .then(
      () => "",
      ({ message }: Error) => message,
    );
  return {
    lines,
    profile: String(profile),
    kernels: profile.kernels.map(({ name }) => name),
    unchanged,
    failure,
  };
}
