/**
 * Tutorial 004, Sequential, losses, back propagation and optimizers, as a program:
 * npx tsx examples/tutorials/004-sequential-losses-optimizer.ts [folder of CIFAR-10]
 */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { data, nn, ones, optim, randn, SummaryWriter, tensor } from "kiln-js";
import SequentialBS from "../cifar10.ts";
import BS from "../cifar10-class.ts";
import { writeSmallCifar10 } from "./small-cifar10.ts";

// nn.Sequential
let sequential = new nn.Sequential(
  new nn.Conv2d(1, 20, 5),
  new nn.ReLU(),
  new nn.Conv2d(20, 64, 5),
  new nn.ReLU(),
);
// the same with names
sequential = new nn.Sequential([
  ["conv1", new nn.Conv2d(1, 20, 5)],
  ["relu1", new nn.ReLU()],
  ["conv2", new nn.Conv2d(20, 64, 5)],
  ["relu2", new nn.ReLU()],
]);
console.log(String(sequential));

// Build a small practice: the CIFAR-10 model, layer by layer, then as one Sequential
console.log(String(new BS()));
const bs = new SequentialBS();
console.log(String(bs));

// Display in tensorboard: tensorboard --logdir FOLDER
const folder = await mkdtemp(join(tmpdir(), "kiln-tutorial-"));
const writer = new SummaryWriter(join(folder, "logs"));
await writer.addGraph(bs, ones(64, 3, 32, 32)); // the model, and data
await writer.close();
console.log(`the graph is in ${join(folder, "logs")}`);

// L1Loss: mean absolute error
let output = tensor([1.0, 2.0, 3.0]);
let target = tensor([2.0, 2.0, 2.0]);
console.log(await new nn.L1Loss({ reduction: "mean" }).forward(output, target).format());
console.log(await new nn.L1Loss({ reduction: "sum" }).forward(output, target).format());
const input = randn(3, 5).requiresGrad_();
const absolute = new nn.L1Loss().forward(input, randn(3, 5));
absolute.backward();
console.log(await absolute.format());

// MSELoss: mean square error
output = tensor([1, 2, 3]);
target = tensor([1, 2, 5]);
console.log(await new nn.MSELoss({ reduction: "mean" }).forward(output, target).format());
console.log(await new nn.MSELoss({ reduction: "sum" }).forward(output, target).format());

// CrossEntropyLoss: three classes, the second of which is right
let x = tensor([0.1, 0.2, 0.3]);
console.log(await x.format());
const y = tensor([1], { dtype: "int32" });
x = x.reshape(1, 3); // a batch of one, 3 classes
console.log(await x.format());
console.log(await y.format());
console.log(await new nn.CrossEntropyLoss().forward(x, y).format());

// The loss of each image; without the real dataset, of a few images in its format
const root = process.argv[2] ?? folder;
await writeSmallCifar10(root, 10);
const dataset = await data.CIFAR10(root, { train: false, transform: data.toTensor() });
const dataloader = new data.DataLoader(dataset, { batchSize: 1 });
const criterion = new nn.CrossEntropyLoss();
for await (const [inputs, labels] of dataloader) {
  const result = criterion.forward(bs.forward(inputs), labels);
  console.log(await result.format());
}

// Optimizer: rounds of learning, and the sum of the losses in each
const optimizer = new optim.SGD(bs.parameters(), { lr: 0.01 });
for (let epoch = 0; epoch < 5; epoch++) {
  let runningLoss = tensor(0);
  for await (const [inputs, labels] of dataloader) {
    // forward propagation
    const outputs = bs.forward(inputs);
    // compute loss
    const loss = criterion.forward(outputs, labels);
    // clear gradient
    optimizer.zeroGrad();
    // backpropagation
    loss.backward();
    // update parameters
    optimizer.step();
    runningLoss = runningLoss.add(loss);
  }
  console.log(await runningLoss.format());
}
