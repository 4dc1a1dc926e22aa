// Edit anything: it compiles and trains again as you stop typing.
import { F, nn, type Tensor } from "kiln-js";

export default class LeNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5);
  conv2 = new nn.Conv2d(6, 16, 5);
  fc1 = new nn.Linear(16 * 5 * 5, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);

  override forward(x: Tensor): Tensor {
    x = F.maxPool2d(F.relu(this.conv1.forward(x)), 2);
    x = F.maxPool2d(F.relu(this.conv2.forward(x)), 2);
    x = x.flatten(1);
    x = F.relu(this.fc1.forward(x));
    x = F.relu(this.fc2.forward(x));
    return this.fc3.forward(x);
  }
}

// A batch of 64 grey pictures. Without a dataset of its own, a model is
// shown drawn digits, and its scores are compared with their classes.
export const inputs = [[64, 1, 32, 32]];
export const loss = new nn.CrossEntropyLoss();
