/** Tutorial 000, "Chapter 4 - neural network", as a program: npx tsx examples/tutorials/000-learning-notes.ts */

import { nn, noGrad, optim, randn } from "kiln-js";
import LeNet3x3 from "../lenet3x3.ts";

class Net extends LeNet3x3 {}

// 1.1 custom network
const net = new Net();
console.log(String(net));

// 1.2 the learning parameters of the model
const params = net.parameters();
console.log(params[0].size()); // conv1's weight

// 1.3 test network: a 32x32 random input
const input = randn(1, 1, 32, 32);
const out = net.forward(input);
console.log(await out.format());

// zero the gradients, then go back from a random gradient
net.zeroGrad();
out.backward(randn(1, 10));

// 2. Loss function
const output = net.forward(input);
const target = randn(10).view(1, -1); // a dummy target, of the same shape as output
const criterion = new nn.MSELoss();
const loss = criterion.forward(output, target);
console.log(await loss.format());

// 3. Back propagation
net.zeroGrad({ setToNone: false }); // zeroes the gradient buffers of all parameters
console.log("conv1.bias.grad before backward");
console.log(await net.conv1.bias!.grad!.format());
loss.backward();
console.log("conv1.bias.grad after backward");
console.log(await net.conv1.bias!.grad!.format());

// 4. Update weight: by hand …
const learningRate = 0.01;
noGrad(() => {
  for (const f of net.parameters()) f.sub_(f.grad!.mul(learningRate));
});

// … and by an optimizer
const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
optimizer.zeroGrad(); // zero the gradient buffers
const next = criterion.forward(net.forward(input), target);
next.backward();
optimizer.step(); // does the update
console.log("loss before the step", (await next.item()).toFixed(4));
console.log("loss after the step", (await criterion.forward(net.forward(input), target).item()).toFixed(4));
