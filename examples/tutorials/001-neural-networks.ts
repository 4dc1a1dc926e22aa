/** Tutorial 001, "Neural Networks", as a program: npx tsx examples/tutorials/001-neural-networks.ts */

import { autograd, nn, noGrad, optim, randn, type Tensor } from "kiln-js";
import LeNet from "../lenet.ts";

class Net extends LeNet {}

// DEFINE THE NETWORK
const net = new Net();
console.log(String(net));

const params = net.parameters();
console.log(params.length);
console.log(params[0].size()); // conv1's weight

const input = randn(1, 1, 32, 32);
const out = net.forward(input);
console.log(await out.format());

net.zeroGrad();
out.backward(randn(1, 10));

// a single sample needs a fake batch dimension
const sample = randn(1, 32, 32);
console.log(net.forward(sample.unsqueeze(0)).shape);

// recap: autograd.Function defines forward and backward of a custom operation
class Exp extends autograd.Function {
  static forward(context: autograd.FunctionContext, x: Tensor): Tensor {
    const result = x.exp();
    context.saveForBackward(result);
    return result;
  }

  static backward(context: autograd.FunctionContext, gradient: Tensor): Tensor {
    const [result] = context.savedTensors;
    return gradient.mul(result);
  }
}
console.log(await Exp.apply(randn(3).requiresGrad_()).format());

// LOSS FUNCTION
const output = net.forward(input);
let target = randn(10); // a dummy target, for example
target = target.view(1, -1); // make it the same shape as output
const criterion = new nn.MSELoss();
const loss = criterion.forward(output, target);
console.log(await loss.format());

console.log(loss.gradFn); // MSELoss
console.log(loss.gradFn?.nextFunctions[0][0]); // Linear
console.log(loss.gradFn?.nextFunctions[0][0]?.nextFunctions[0][0]); // its bias

// BACKPROP
net.zeroGrad({ setToNone: false }); // zeroes the gradient buffers of all parameters
console.log("conv1.bias.grad before backward");
console.log(await net.conv1.bias!.grad!.format());
loss.backward();
console.log("conv1.bias.grad after backward");
console.log(await net.conv1.bias!.grad!.format());

// UPDATE THE WEIGHTS
const learningRate = 0.01;
noGrad(() => {
  for (const f of net.parameters()) f.sub_(f.grad!.mul(learningRate));
});

// create your optimizer
const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });

// in your training loop:
for (let step = 0; step < 5; step++) {
  optimizer.zeroGrad(); // zero the gradient buffers
  const output = net.forward(input);
  const loss = criterion.forward(output, target);
  loss.backward();
  optimizer.step(); // Does the update
  console.log(await loss.format());
}
