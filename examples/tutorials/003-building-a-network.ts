/** Tutorial 003, on building a network, as a program: npx tsx examples/tutorials/003-building-a-network.ts */

import { nn, noGrad, randn } from "kiln-js";
import LeNet3x3 from "../lenet3x3.ts";

class Net extends LeNet3x3 {}

const net = new Net();
console.log(String(net));

const params = net.parameters();
console.log(params.length);
for (const p of params) console.log(p.size());

// Input & Target
const input = randn(1, 1, 32, 32);
const out = net.forward(input);
const target = randn(10).view(1, -1);
console.log(out.size());
console.log(target.size());

// Gradients from a random gradient
net.zeroGrad();
net.forward(input).backward(randn(1, 10));

// Loss function
const criterion = new nn.MSELoss();
const loss = criterion.forward(out, target);
console.log(await loss.format());

// Backprop
net.zeroGrad({ setToNone: false });
console.log("Before:", await net.conv1.bias!.grad!.format());
loss.backward();
console.log("After:", await net.conv1.bias!.grad!.format());

// Update
const learningRate = 0.01;
noGrad(() => {
  for (const f of net.parameters()) f.sub_(f.grad!.mul(learningRate));
});
console.log("Updated:", await criterion.forward(net.forward(input), target).format());
