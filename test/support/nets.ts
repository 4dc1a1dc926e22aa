/** The three networks of the tutorials, as the PyTorch fixtures know them. */

import { F, nn, type Tensor } from "kiln-js";

/** LeNet with square kernels: 5 in tutorial 001, 3 in tutorial 000. */
export class LeNet extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly conv2: nn.Conv2d;
  readonly fc1: nn.Linear;
  readonly fc2 = new nn.Linear(120, 84);
  readonly fc3 = new nn.Linear(84, 10);

  constructor(kernel: 3 | 5 = 5) {
    super();
    this.conv1 = new nn.Conv2d(1, 6, kernel);
    this.conv2 = new nn.Conv2d(6, 16, kernel);
    this.fc1 = new nn.Linear(kernel === 5 ? 16 * 5 * 5 : 16 * 6 * 6, 120);
  }

  forward(x: Tensor): Tensor {
    x = F.maxPool2d(F.relu(this.conv1.forward(x)), 2);
    x = F.maxPool2d(F.relu(this.conv2.forward(x)), 2);
    x = F.relu(this.fc1.forward(x.flatten(1)));
    x = F.relu(this.fc2.forward(x));
    return this.fc3.forward(x);
  }
}

/** The CIFAR-10 net of tutorial 004. */
export class Cifar10Net extends nn.Module {
  model = new nn.Sequential(
    new nn.Conv2d(3, 32, 5, { padding: 2 }),
    new nn.MaxPool2d(2),
    new nn.Conv2d(32, 32, 5, { padding: 2 }),
    new nn.MaxPool2d(2),
    new nn.Conv2d(32, 64, 5, { padding: 2 }),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(1024, 64),
    new nn.Linear(64, 10),
  );

  forward(x: Tensor): Tensor {
    return this.model.forward(x);
  }
}

/** A net small enough for the interpreter: one convolution with pooling, one linear layer, 8×8 images. */
export class TinyNet extends nn.Module {
  conv = new nn.Conv2d(1, 3, 3);
  fc = new nn.Linear(27, 4);

  forward(x: Tensor): Tensor {
    return this.fc.forward(F.maxPool2d(F.relu(this.conv.forward(x)), 2).flatten(1));
  }
}
