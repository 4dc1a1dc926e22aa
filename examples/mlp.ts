/** A multilayer perceptron, 784-512-256-10, for 28×28 digits: what a network without convolutions can do. */

import { nn } from "kiln-js";

export default new nn.Sequential(
  new nn.Flatten(),
  new nn.Linear(28 * 28, 512),
  new nn.ReLU(),
  new nn.Linear(512, 256),
  new nn.ReLU(),
  new nn.Linear(256, 10),
);

export const inputs = [[64, 1, 28, 28]];
