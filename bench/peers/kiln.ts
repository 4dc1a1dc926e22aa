/** Kiln as a peer: one compiled training step. `--backend NAME[/STRATEGY]` says on which backend. */

import { readFileSync } from "node:fs";
import { backends, compileTraining, nn, optim, tensor } from "../../src/index.ts";
import { parseChoice } from "../src/compiled-step.ts";
import { modelOf } from "../src/kiln-model.ts";
import { MissingPeerError, serve } from "../src/protocol.ts";
import { BATCHES, batches, LEARNING_RATE } from "../src/workloads.ts";

await serve(async ({ workload, batch, options }) => {
  const { backend, strategy } = parseChoice(options.backend ?? "js");
  const status = (await backends()).find(({ name }) => name === backend);
  if (!status?.available) throw new MissingPeerError(status?.reason ?? `there is no backend ${backend}`);
  const model = await modelOf(workload);
  const shape = [batch, ...workload.sample];
  const trainer = await compileTraining(model, {
    inputs: [shape],
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(model.parameters(), { lr: LEARNING_RATE }),
    backend,
    ...(strategy !== undefined && { strategy }),
  });
  const data = batches(workload, batch).map(
    ({ input, target }) => [tensor(input, { shape }), tensor(target)] as const,
  );
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return {
    name: "Kiln",
    version,
    details: { backend, threads: 1, "compile ms": Math.round(trainer.compileMilliseconds) },
    step: (index) => trainer.step(...data[index % BATCHES]),
    dispose: () => trainer.dispose(),
  };
});
