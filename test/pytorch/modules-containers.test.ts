/** Models of lists and dictionaries of layers and parameters against PyTorch: text, keys, results and training. */

import { nn, type Tensor, zeros } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

class Tower extends nn.Module {
  layers: nn.ModuleList = new nn.ModuleList<nn.Module>([new nn.Linear(4, 4), new nn.Linear(4, 4)])
    .append(new nn.Linear(4, 3))
    .insert(0, new nn.Linear(5, 4, { bias: false }))
    .extend([new nn.ReLU(), new nn.ReLU()]);
  choices = new nn.ModuleDict<nn.Module>({
    tanh: new nn.Tanh(),
    scaled: new nn.Sequential(new nn.Linear(3, 3), new nn.Tanh()),
  }).set("head", new nn.ModuleList([new nn.ModuleList([new nn.Linear(3, 2)])]));

  forward(input: Tensor): Tensor {
    const call = (module: nn.Module, x: Tensor): Tensor => module.forward(x) as Tensor;
    let x = input;
    for (const layer of this.layers.slice(0, 4)) x = call(this.choices.get("tanh"), call(layer, x));
    for (const name of this.choices) if (name !== "head") x = call(this.choices.get(name), x);
    const head = this.choices.get("head") as nn.ModuleList<nn.ModuleList>;
    return call(head[0].at(-1), x);
  }
}

class Empty extends nn.Module {
  list = new nn.ModuleList();
  dict = new nn.ModuleDict();
  chain = new nn.Sequential();

  forward(x: Tensor): Tensor {
    return this.chain.forward(x);
  }
}

class Powers extends nn.Module {
  list = new nn.ParameterList([new nn.Parameter(zeros(3)), zeros(2, 3)]).append(zeros(3));
  named = new nn.ParameterDict({ scale: new nn.Parameter(zeros(3)) });
  none = new nn.ParameterDict();

  forward(input: Tensor): Tensor {
    let x = input;
    for (const parameter of this.list) x = x.mul(parameter).add(this.named.get("scale"));
    return x;
  }
}

class Adaptive extends nn.Module {
  readonly softmax: nn.AdaptiveLogSoftmaxWithLoss;

  constructor(options: nn.AdaptiveSoftmaxOptions = {}) {
    super();
    this.softmax = new nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], { divValue: 2, ...options });
  }

  forward(x: Tensor, target: Tensor): Tensor {
    const { output, loss } = this.softmax.forward(x, target);
    return output.add(loss);
  }
}

class Probabilities extends nn.Module {
  readonly softmax = new nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], 2);

  forward(x: Tensor): Tensor {
    return this.softmax.logProb(x).add(this.softmax.predict(x).float().unsqueeze(1));
  }
}

function changed(): nn.Sequential {
  const chain: nn.Sequential = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 4));
  chain.append(new nn.Tanh());
  chain.insert(1, new nn.Linear(4, 4, { bias: false }));
  chain[2] = new nn.Sigmoid();
  chain.extend(new nn.Sequential(new nn.Linear(4, 2), new nn.ReLU()));
  chain.pop(-1);
  return chain;
}

function sliced(): nn.Sequential {
  const chain = new nn.Sequential({ first: new nn.Linear(3, 3) });
  chain.append(new nn.Linear(3, 3));
  return new nn.Sequential(chain, chain.slice(1));
}

testModuleCases("modules_containers", {
  Tower: () => new Tower(),
  Empty: () => new Empty(),
  "changed Sequential": changed,
  "sliced Sequential": sliced,
  Powers: () => new Powers(),
  Adaptive: () => new Adaptive(),
  "Adaptive with a bias": () => new Adaptive({ headBias: true }),
  Probabilities: () => new Probabilities(),
});
