/** The activations that PyTorch ran for the fixtures (test/fixtures/activations.py), by the names of the cases there. */

import { nn } from "kiln-js";

export const ACTIVATIONS: Record<string, () => nn.Module> = {
  ReLU6: () => new nn.ReLU6(),
  LeakyReLU: () => new nn.LeakyReLU(),
  "LeakyReLU 0.2": () => new nn.LeakyReLU(0.2),
  PReLU: () => new nn.PReLU(),
  "PReLU of channels": () => new nn.PReLU(3, { init: 0.1 }),
  ELU: () => new nn.ELU(),
  "ELU 0.5": () => new nn.ELU({ alpha: 0.5 }),
  SELU: () => new nn.SELU(),
  CELU: () => new nn.CELU(),
  "CELU 2": () => new nn.CELU(2),
  GELU: () => new nn.GELU(),
  "GELU tanh": () => new nn.GELU({ approximate: "tanh" }),
  SiLU: () => new nn.SiLU(),
  Mish: () => new nn.Mish(),
  Sigmoid: () => new nn.Sigmoid(),
  Hardsigmoid: () => new nn.Hardsigmoid(),
  Hardswish: () => new nn.Hardswish(),
  Tanh: () => new nn.Tanh(),
  Softplus: () => new nn.Softplus(),
  "Softplus 2, 1": () => new nn.Softplus(2, { threshold: 1 }),
  Softsign: () => new nn.Softsign(),
  "Softmax 1": () => new nn.Softmax(1),
  "Softmax -1": () => new nn.Softmax({ dim: -1 }),
  "LogSoftmax 1": () => new nn.LogSoftmax(1),
  "LogSoftmax 0": () => new nn.LogSoftmax({ dim: 0 }),
};
