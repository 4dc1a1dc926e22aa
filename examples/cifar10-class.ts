/** The CIFAR-10 network of tutorial 004 in its class form: every layer a field, called one after the other in forward. */

import { nn, type Tensor } from "kiln-js";

export default class BS extends nn.Module {
  conv1 = new nn.Conv2d({ inChannels: 3, outChannels: 32, kernelSize: 5, stride: 1, padding: 2 }); // stride and padding are calculated
  maxpool1 = new nn.MaxPool2d({ kernelSize: 2 });
  conv2 = new nn.Conv2d({ inChannels: 32, outChannels: 32, kernelSize: 5, stride: 1, padding: 2 });
  maxpool2 = new nn.MaxPool2d({ kernelSize: 2 });
  conv3 = new nn.Conv2d({ inChannels: 32, outChannels: 64, kernelSize: 5, padding: 2 });
  maxpool3 = new nn.MaxPool2d({ kernelSize: 2 });
  flatten = new nn.Flatten(); // becomes 64*4*4=1024
  linear1 = new nn.Linear({ inFeatures: 1024, outFeatures: 64 });
  linear2 = new nn.Linear({ inFeatures: 64, outFeatures: 10 });

  override forward(x: Tensor): Tensor {
    x = this.conv1.forward(x);
    x = this.maxpool1.forward(x);
    x = this.conv2.forward(x);
    x = this.maxpool2.forward(x);
    x = this.conv3.forward(x);
    x = this.maxpool3.forward(x);
    x = this.flatten.forward(x);
    x = this.linear1.forward(x);
    return this.linear2.forward(x);
  }
}

export const inputs = [[64, 3, 32, 32]];
