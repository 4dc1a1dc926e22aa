/** Views share memory: what is written to one of them is seen in all, as in PyTorch 2.15, which gave the numbers here. */

import { compile, F, nn, noGrad, ones, optim, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, test } from "vitest";

const grid = (): Tensor =>
  tensor([
    [0, 1, 2],
    [3, 4, 5],
  ]);

const arrays = (...tensors: (Tensor | null)[]): Promise<unknown[]> =>
  Promise.all(tensors.map((t) => t!.array()));

describe("what is written to a view", () => {
  test("is in the base and in all other views, through every rearrangement", async () => {
    const a = grid();
    const column = a.t().select(0, 1);
    column.mul_(10);
    const every = a.view(-1).slice(0, 0, 6, 2);
    every.add_(1);
    expect(await arrays(a, column, every)).toEqual([
      [
        [1, 10, 3],
        [3, 41, 5],
      ],
      [10, 41],
      [1, 3, 41],
    ]);
  });

  test("of a list of them is in its part alone, and a change of the base in each", async () => {
    const a = grid();
    const [left, right] = a.split([1, 2], 1);
    right.zero_();
    a.select(0, 0).add_(5);
    expect(await arrays(a, left, right)).toEqual([
      [
        [5, 5, 5],
        [3, 0, 0],
      ],
      [[5], [3]],
      [
        [5, 5],
        [0, 0],
      ],
    ]);
  });

  test("stays there where elements lie so that a copy was needed", async () => {
    const a = grid();
    const copy = a.t().reshape(-1);
    copy.add_(100);
    expect(await arrays(a, copy)).toEqual([await grid().array(), [100, 103, 101, 104, 102, 105]]);
  });

  test("is one number where elements are one in memory", async () => {
    const a = zeros(2, 1);
    const wide = a.expand(2, 3);
    a.add_(2);
    expect(() => wide.add_(1)).toThrow("add_ would write several numbers to one place");
    wide.fill_(7);
    expect(await arrays(a, wide)).toEqual([
      [[7], [7]],
      [
        [7, 7, 7],
        [7, 7, 7],
      ],
    ]);
  });

  test("is read by an optimizer", async () => {
    const p = new nn.Parameter(tensor([1, 2, 3]));
    const first = p.narrow(0, 0, 2);
    noGrad(() => first.zero_());
    p.sum().backward();
    await new optim.SGD([p], { lr: 1 }).step();
    expect(await arrays(p, first)).toEqual([
      [-1, -1, 2],
      [-1, -1],
    ]);
  });
});

describe("an optimizer's step, which gives its parameter new memory,", () => {
  const stepped = async (p: nn.Parameter): Promise<void> => {
    p.grad = ones(...p.shape);
    await new optim.SGD([p], { lr: 1 }).step();
  };

  test("is seen in a view that gradients pass through, and not in one of numbers alone", async () => {
    const p = new nn.Parameter(tensor([1, 2, 3]));
    const learned = p.narrow(0, 0, 2);
    const shown = [
      p.detach(),
      p.detach().narrow(0, 1, 2),
      learned.detach(),
      noGrad(() => p.narrow(0, 0, 1)),
      noGrad(() => learned.narrow(0, 1, 1)),
    ];
    await stepped(p);
    expect(await arrays(p, learned, ...shown)).toEqual([
      [0, 1, 2],
      [0, 1],
      [1, 2, 3],
      [2, 3],
      [1, 2],
      [1],
      [2],
    ]);
    expect([p.isLeaf, learned.requiresGrad, shown[0].requiresGrad]).toEqual([true, true, false]);
  });

  test("leaves what shows the old memory together, and apart from the parameter", async () => {
    const p = new nn.Parameter(tensor([1, 2]));
    const [before, again] = [p.detach(), p.detach().view(2, 1)];
    await stepped(p);
    const after = p.detach();
    before.add_(10);
    noGrad(() => p.mul_(3));
    expect(await arrays(p, after, before, again)).toEqual([
      [0, 3],
      [0, 3],
      [11, 12],
      [[11], [12]],
    ]);
  });

  test("comes after what was written to the memory and not looked at", async () => {
    const p = new nn.Parameter(tensor([1, 2]));
    const [written, read] = [p.detach(), p.detach()];
    written.add_(10);
    await stepped(p);
    expect(await arrays(p, written, read)).toEqual([
      [10, 11],
      [11, 12],
      [11, 12],
    ]);
  });

  test("keeps nothing of the memory that no tensor shows any more", async () => {
    const p = new nn.Parameter(tensor([200, 0]));
    const snapshots: Tensor[] = [];
    for (let turn = 0; turn < 200; turn++) {
      const snapshot = p.detach();
      if (turn % 50 === 0) snapshots.push(snapshot);
      await stepped(p);
      expect(p.memory).toBeUndefined();
      // The tensor that has the memory now leads to no other.
      const { tensor: keeper } = snapshot.link!.memory;
      expect([keeper.link, keeper.memory]).toEqual([undefined, snapshot.link!.memory]);
    }
    expect(await arrays(...snapshots)).toEqual([
      [200, 0],
      [150, -50],
      [100, -100],
      [50, -150],
    ]);
  });
});

describe("detach() and clone()", () => {
  test("share memory, and do not", async () => {
    const a = zeros(3);
    const [detached, cloned] = [a.detach(), a.clone()];
    detached.view(3, 1).add_(2);
    expect(await arrays(a, detached, cloned)).toEqual([
      [2, 2, 2],
      [2, 2, 2],
      [0, 0, 0],
    ]);
    a.zero_();
    expect(await arrays(detached)).toEqual([[0, 0, 0]]);
  });

  test("a clone passes gradients", async () => {
    const p = ones(2).requiresGrad_();
    const copy = p.clone();
    copy.mul_(3);
    copy.sum().backward();
    expect(await arrays(p, p.grad)).toEqual([
      [1, 1],
      [3, 3],
    ]);
  });
});

describe("gradients", () => {
  const gradient = async (loss: (p: Tensor) => Tensor): Promise<unknown> => {
    const p = tensor([1, 2, 3], { requiresGrad: true });
    loss(p).backward();
    return p.grad!.array();
  };

  test.each<[string, (p: Tensor) => Tensor, number[]]>([
    [
      "through a view that was written to",
      (p) => {
        const y = p.mul(2);
        y.narrow(0, 1, 2).mul_(p.narrow(0, 0, 2));
        return y.mul(tensor([1, 10, 100])).sum();
      },
      [42, 620, 400],
    ],
    [
      "of numbers that were changed through detach()",
      (p) => {
        const y = p.mul(2);
        y.detach().clamp_(0, 3);
        return y.square().sum();
      },
      [8, 12, 12],
    ],
    [
      "of numbers that were changed inside noGrad",
      (p) => {
        const y = p.mul(2);
        noGrad(() => y.view(3, 1).clamp_(0, 3));
        return y.mul(y).sum();
      },
      [8, 12, 12],
    ],
    [
      "through a view whose base got a history later",
      (p) => {
        const z = zeros(3);
        const v = z.narrow(0, 0, 2);
        z.add_(p);
        return v.square().sum();
      },
      [2, 4, 0],
    ],
    [
      "through a base whose view got a history",
      (p) => {
        const z = zeros(3);
        z.narrow(0, 0, 2).copy_(p.narrow(0, 1, 2));
        return z.square().sum();
      },
      [0, 4, 6],
    ],
    [
      "where a name goes on to the view",
      (p) => {
        let x = p.mul(1);
        x = x.view(-1, 1);
        x.add_(1).relu_();
        return x.square().sum();
      },
      [4, 6, 8],
    ],
  ])("%s are PyTorch's", async (_what, loss, expected) => {
    expect(await gradient(loss)).toEqual(expected);
  });

  test("through a view of a parameter that was made once arrive in every turn", async () => {
    const w = new nn.Parameter(grid());
    const [wt, sgd] = [w.t(), new optim.SGD([w], { lr: 0 })];
    for (let turn = 0; turn < 3; turn++) {
      w.grad = null;
      wt.mul(2).sum().backward();
      if (turn > 0) await sgd.step();
      expect(await w.grad!.sum().item()).toBe(12);
    }
  });

  test("are refused where it is open whether they pass", () => {
    const p = ones(2).requiresGrad_();
    const hidden = (y: Tensor): Tensor => noGrad(() => y.view(-1));
    const message = "a view that was made inside noGrad shows memory that is changed outside of it";
    expect(() => hidden(zeros(2)).add_(p)).toThrow(message);
    expect(() => hidden(p.mul(2)).add_(1)).toThrow(message);
    const y = zeros(2);
    const view = hidden(y);
    y.add_(p);
    expect(() => view.requiresGrad).toThrow(message);
    expect(() => p.view(-1).add_(1)).toThrow("add_ would change a view of a leaf that requires gradients");
  });
});

test("activations in place work on whatever a layer gives", async () => {
  class Net extends nn.Module {
    fc = new nn.Linear(3, 4);
    forward(x: Tensor): Tensor {
      const h = this.fc.forward(x).view(-1, 2, 2);
      h.relu_();
      return F.relu(h.flatten(1).add_(1)).view(-1, 4);
    }
  }
  const net = new Net();
  const x = grid();
  const program = await compile(net, { inputs: [[2, 3]] });
  const [own, compiled] = await arrays(net.forward(x), await program.run(x));
  // Linear sums three products, in one order or another.
  for (const [i, row] of (own as number[][]).entries())
    for (const [j, value] of row.entries()) expect((compiled as number[][])[i][j]).toBeCloseTo(value, 5);
});
