/** LeNet with 5×5 kernels, the network of PyTorch's "Neural Networks" tutorial, for 32×32 digits. */

import { F, nn, type Tensor } from "kiln-js";

export default class LeNet extends nn.Module {
  // 1 input image channel, 6 output channels, 5x5 square convolution kernel
  conv1 = new nn.Conv2d(1, 6, 5);
  conv2 = new nn.Conv2d(6, 16, 5);
  // an affine operation: y = Wx + b
  fc1 = new nn.Linear(16 * 5 * 5, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  override forward(x: Tensor): Tensor {
    // Max pooling over a (2, 2) window
    x = F.maxPool2d(F.relu(this.conv1.forward(x)), [2, 2]);
    // If the size is a square you can only specify a single number
    x = F.maxPool2d(F.relu(this.conv2.forward(x)), 2);
    x = x.view(-1, this.numFlatFeatures(x));
    x = F.relu(this.fc1.forward(x));
    x = F.relu(this.fc2.forward(x));
    return this.fc3.forward(x);
  }

  /** All dimensions except the batch dimension. */
  numFlatFeatures(x: Tensor): number {
    return x
      .size()
      .slice(1)
      .reduce((product, extent) => product * extent, 1);
  }
}

export const inputs = [[64, 1, 32, 32]];

export const loss = new nn.CrossEntropyLoss();
