/** Tutorial 002, on zero_grad(), as a program: npx tsx examples/tutorials/002-zero-grad.ts */

import { nn, randn, type Tensor, tensor } from "kiln-js";
import LeNet from "../lenet3x3.ts";

// Define network, params, inference
const lenet = new LeNet();
console.log(String(lenet));
const out = lenet.forward(randn(1, 1, 32, 32));
console.log(await out.format());
lenet.zeroGrad();
out.backward(randn(1, 10));

// Loss function and its graph
const criterion = new nn.MSELoss();
const loss = criterion.forward(lenet.forward(randn(1, 1, 32, 32)), randn(10).view(1, -1));
console.log(await loss.format());
console.log(loss.gradFn);
console.log(loss.gradFn?.nextFunctions[0][0]);

// A second backward through the same graph is an error
loss.backward();
try {
  loss.backward();
} catch (error) {
  console.log(String(error));
}

// zero_grad()
class Net extends nn.Module {
  fc = new nn.Linear(1, 1);

  override forward(x: Tensor): Tensor {
    return this.fc.forward(x);
  }
}

console.log("example one: without zeroGrad() the gradients add up");
const net = new Net();
for (let i = 0; i < 3; i++) {
  const x = tensor([3.0]);
  const y = net.forward(x);
  y.backward(undefined, { retainGraph: true });
  console.log("grads:");
  // net has two parameters, a weight and a bias
  for (const p of net.parameters()) console.log(await p.grad!.format());
}

console.log("example two: with zeroGrad() each turn starts from zero");
for (let i = 0; i < 3; i++) {
  const x = tensor([3.0]);
  const y = net.forward(x);
  net.zeroGrad();
  y.backward(undefined, { retainGraph: true });
  console.log("grads:");
  for (const p of net.parameters()) console.log(await p.grad!.format());
}
