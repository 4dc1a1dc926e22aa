// A model of numbers: data, loss and optimizer are its own.
import { data, linspace, nn, optim } from "kiln-js";

const x = linspace(-3, 3, 4096).unsqueeze(1);
const y = x.mul(2).sin().add(x.mul(0.5));

export default new nn.Sequential(
  new nn.Linear(1, 64),
  new nn.Tanh(),
  new nn.Linear(64, 64),
  new nn.Tanh(),
  new nn.Linear(64, 1),
);

export const inputs = [[128, 1]];
export const loss = new nn.MSELoss();
export const optimizer = (parameters: readonly nn.Parameter[]) =>
  new optim.Adam(parameters, { lr: 0.01 });
export const dataset = {
  train: new data.TensorDataset(x, y),
  test: new data.TensorDataset(x, y),
};
