// Convolution, batch norm and addition are fused wherever possible:
// look at the kernels of a line.
import { F, nn, optim, type Tensor } from "kiln-js";

class Block extends nn.Module {
  conv1: nn.Conv2d;
  norm1: nn.BatchNorm2d;
  conv2: nn.Conv2d;
  norm2: nn.BatchNorm2d;

  constructor(channels: number) {
    super();
    this.conv1 = new nn.Conv2d(channels, channels, 3, { padding: 1 });
    this.norm1 = new nn.BatchNorm2d(channels);
    this.conv2 = new nn.Conv2d(channels, channels, 3, { padding: 1 });
    this.norm2 = new nn.BatchNorm2d(channels);
  }

  override forward(x: Tensor): Tensor {
    const inner = F.relu(this.norm1.forward(this.conv1.forward(x)));
    return F.relu(this.norm2.forward(this.conv2.forward(inner)).add(x));
  }
}

export default class ResidualNet extends nn.Module {
  stem = new nn.Conv2d(1, 16, 3, { stride: 2, padding: 1 });
  blocks = new nn.Sequential(new Block(16), new Block(16));
  head = new nn.Linear(16, 10);

  override forward(x: Tensor): Tensor {
    x = this.blocks.forward(F.relu(this.stem.forward(x)));
    return this.head.forward(x.mean([2, 3]));
  }
}

export const inputs = [[32, 1, 32, 32]];
export const optimizer = (parameters: readonly nn.Parameter[]) =>
  new optim.AdamW(parameters, { lr: 0.003 });
