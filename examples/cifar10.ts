/**
 * The CIFAR-10 network of PyTorch's tutorials, for 32×32 images in colour: three convolutions with pooling, all in
 * one Sequential, written with the keyword form of every layer.
 */

import { nn, type Tensor } from "kiln-js";

export default class Cifar10 extends nn.Module {
  model = new nn.Sequential(
    new nn.Conv2d({ inChannels: 3, outChannels: 32, kernelSize: 5, stride: 1, padding: 2 }),
    new nn.MaxPool2d({ kernelSize: 2 }),
    new nn.Conv2d({ inChannels: 32, outChannels: 32, kernelSize: 5, stride: 1, padding: 2 }),
    new nn.MaxPool2d({ kernelSize: 2 }),
    new nn.Conv2d({ inChannels: 32, outChannels: 64, kernelSize: 5, padding: 2 }),
    new nn.MaxPool2d({ kernelSize: 2 }),
    new nn.Flatten(), // becomes 64*4*4=1024
    new nn.Linear({ inFeatures: 1024, outFeatures: 64 }),
    new nn.Linear({ inFeatures: 64, outFeatures: 10 }),
  );

  override forward(x: Tensor): Tensor {
    return this.model.forward(x);
  }
}

export const inputs = [[64, 3, 32, 32]];
