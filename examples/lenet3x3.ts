/** LeNet with 3×3 kernels, the network of PyTorch's first "Neural Networks" tutorial, for 32×32 digits. */

import { F, nn, type Tensor } from "kiln-js";

export default class LeNet3x3 extends nn.Module {
  // 1 input image channel, 6 output channels, 3x3 square convolution kernel
  conv1 = new nn.Conv2d(1, 6, 3);
  conv2 = new nn.Conv2d(6, 16, 3);
  // an affine operation: y = Wx + b
  fc1 = new nn.Linear(16 * 6 * 6, 120); // 6*6 from image dimension
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  override forward(x: Tensor): Tensor {
    // Max pooling over a (2, 2) window
    x = F.maxPool2d(F.relu(this.conv1.forward(x)), [2, 2]);
    // If the size is a square you can only specify a single number
    x = F.maxPool2d(F.relu(this.conv2.forward(x)), 2);
    x = x.flatten(1);
    x = F.relu(this.fc1.forward(x));
    x = F.relu(this.fc2.forward(x));
    return this.fc3.forward(x);
  }
}

export const inputs = [[64, 1, 32, 32]];
