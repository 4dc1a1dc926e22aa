/** Training allocates nothing that stays: 10,000 steps leave the heap as it was. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compileTraining, nn, optim, rand, tensor } from "kiln-js";
import { expect, test } from "vitest";
import { LeNet } from "../support/nets.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapUsed(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

test("10,000 LeNet steps grow the heap by less than 1 MB", async () => {
  const net = new LeNet();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.001, momentum: 0.9 });
  const trainer = await compileTraining(net, {
    inputs: [[1, 1, 32, 32]],
    loss: new nn.CrossEntropyLoss(),
    optimizer,
  });
  const x = rand(1, 1, 32, 32);
  const y = tensor(Int32Array.of(3));
  for (let step = 0; step < 500; step++) await trainer.step(x, y);
  const before = heapUsed();
  for (let step = 0; step < 10_000; step++) await trainer.step(x, y);
  expect(heapUsed() - before).toBeLessThan(2 ** 20);
});
