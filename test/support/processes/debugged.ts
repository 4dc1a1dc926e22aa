/** A user's program that compiles, runs, trains and computes interactively, for tests of `KILN_DEBUG`. */

import { compile, compileTraining, nn, optim, randn, type Tensor, tensor } from "kiln-js";

class Net extends nn.Module {
  fc1 = new nn.Linear(4, 8);
  fc2 = new nn.Linear(8, 2);

  override forward(x: Tensor): Tensor {
    return this.fc2.forward(this.fc1.forward(x).relu());
  }
}

const net = new Net();
const program = await compile(net, { inputs: [[4, 4]], backend: "js" });
for (let k = 0; k < 3; k++) await program.run(randn(4, 4));
await program.run(randn(2, 4));
const trainer = await compileTraining(net, {
  inputs: [[4, 4]],
  loss: new nn.CrossEntropyLoss(),
  optimizer: new optim.SGD(net.parameters(), { lr: 0.1 }),
  backend: "js",
});
for (let k = 0; k < 5; k++) await trainer.step(randn(4, 4), tensor(new Int32Array(4)));
for (let k = 1; k < 4; k++) console.log(await tensor([1, 2]).mul(k).sum().item());
