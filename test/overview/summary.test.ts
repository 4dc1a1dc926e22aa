/** `summary`: operations against hand-reckoned ones, parameters, calls, and memory against what compiled programs allocate. */

import {
  compile,
  compileTraining,
  F,
  generatorState,
  nn,
  optim,
  scan,
  summary,
  type Tensor,
  zeros,
} from "kiln-js";
import { describe, expect, test } from "vitest";

/** Names, output shapes, parameters and operations of all calls. */
async function rowsOf(net: nn.Module, ...inputs: readonly (readonly number[])[]) {
  const { layers } = await summary(net, { inputs });
  return layers.map(({ name, type, outputs, parameters, flops }) => [
    name === "" ? type : name,
    outputs.map(({ shape }) => shape.join("×")).join(" "),
    parameters.total,
    flops,
  ]);
}

/** A block of a ResNet, with a shortcut of another shape. */
class Block extends nn.Module {
  conv1 = new nn.Conv2d(4, 8, 3, { stride: 2, padding: 1, bias: false });
  bn1 = new nn.BatchNorm2d(8);
  conv2 = new nn.Conv2d(8, 8, 3, { padding: 1, bias: false });
  bn2 = new nn.BatchNorm2d(8);
  shortcut = new nn.Sequential(new nn.Conv2d(4, 8, 1, { stride: 2, bias: false }), new nn.BatchNorm2d(8));

  forward(x: Tensor): Tensor {
    const out = this.bn2.forward(this.conv2.forward(F.relu(this.bn1.forward(this.conv1.forward(x)))));
    return F.relu(out.add(this.shortcut.forward(x)));
  }
}

/** Two inputs, several outputs, a layer that is called twice and one that never is. */
class Twins extends nn.Module {
  shared = new nn.Linear(6, 4, { bias: false });
  unused = new nn.Linear(6, 5);

  forward(a: Tensor, b: Tensor): { distance: Tensor; both: Tensor[] } {
    const both = [this.shared.forward(a), this.shared.forward(b)];
    return { distance: both[0].sub(both[1]).abs().sum(1), both };
  }
}

describe("the operations of", () => {
  test("a residual block", async () => {
    // 2×8 channels of 4×4 pixels. Batch norm: subtract, multiply and add each element, and three for each channel.
    const norm = 3 * 256 + 3 * 8;
    const [conv1, conv2, short] = [256 * 2 * 4 * 9, 256 * 2 * 8 * 9, 256 * 2 * 4];
    const own = 256 + 256 + 256; // relu, sum, relu
    expect(await rowsOf(new Block(), [2, 4, 8, 8])).toEqual([
      ["Block", "2×8×4×4", 288 + 576 + 32 + 3 * 16, conv1 + conv2 + short + 3 * norm + own],
      ["conv1", "2×8×4×4", 288, conv1],
      ["bn1", "2×8×4×4", 16, norm],
      ["conv2", "2×8×4×4", 576, conv2],
      ["bn2", "2×8×4×4", 16, norm],
      ["shortcut", "2×8×4×4", 48, short + norm],
      ["shortcut.0", "2×8×4×4", 32, short],
      ["shortcut.1", "2×8×4×4", 16, norm],
    ]);
  });

  test("an LSTM and a GRU, in all of their steps", async () => {
    const [batch, steps, inputs, hidden] = [3, 10, 8, 16];
    const elements = batch * steps * hidden;
    // LSTM: four gates of two products with biases, added (3); three logistic functions of 4 operations each and two tanh;
    // c = f·c + i·g and h = o·tanh(c).
    const lstm = 2 * 4 * elements * (inputs + hidden) + elements * (4 * 3 + 3 * 4 + 2 + 3 + 1);
    const layer = new nn.LSTM(inputs, hidden, { batchFirst: true });
    expect(await rowsOf(layer, [batch, steps, inputs])).toEqual([
      ["LSTM", "3×10×16 1×3×16 1×3×16", 4 * hidden * (inputs + hidden + 2), lstm],
    ]);
    // GRU: two such gates, n = tanh(W x + b + r·(W h + b)), h = n + z·(h - n).
    const gru = 2 * 3 * elements * (inputs + hidden) + elements * (2 * (3 + 4) + 5 + 3);
    expect(
      (await rowsOf(new nn.GRU(inputs, hidden, { batchFirst: true }), [batch, steps, inputs]))[0][3],
    ).toBe(gru);
  });

  test("cells in a loop of the user's, which are called once and run at each step", async () => {
    class Reader extends nn.Module {
      cell = new nn.RNNCell(3, 5);
      forward(x: Tensor): Tensor {
        const step = (h: Tensor, item: Tensor): [Tensor, Tensor] => {
          const next = this.cell.forward(item, h) as Tensor;
          return [next, next];
        };
        return scan(step, zeros(2, 5), x)[0];
      }
    }
    // Two products with biases, added, and tanh; seven steps of two samples.
    const flops = 7 * 2 * 5 * (2 * (3 + 5) + 3 + 1);
    expect(await rowsOf(new Reader(), [7, 2, 3])).toEqual([
      ["Reader", "2×5", 50, flops],
      ["cell", "2×5", 50, flops],
    ]);
  });

  test("a step that hands its state on", async () => {
    class Counter extends nn.Module {
      cell = new nn.GRUCell(3, 4);
      forward(x: Tensor, h: Tensor): [Tensor, Tensor] {
        const next = this.cell.forward(x, h);
        return [next.sum(1), next];
      }
    }
    const options = { inputs: [[2, 3]], carried: zeros(2, 4) };
    const { layers, memory } = await summary(new Counter(), options);
    const cell = 2 * 3 * 8 * (3 + 4) + 8 * (2 * (3 + 4) + 5 + 3);
    expect(layers.map(({ flops }) => flops)).toEqual([cell + 8, cell]);
    expect(memory.forward).toEqual((await compile(new Counter(), options)).memory);
  });

  test("a transformer's layer", async () => {
    const [batch, length, width, heads, inner] = [3, 10, 16, 4, 32];
    const tokens = batch * length;
    const linear = (from: number, to: number): number => tokens * to * (2 * from + 1);
    const scores = batch * heads * length * length;
    // Products of queries and keys, their scale, softmax (maximum, exp(x - m) for the sum and again for the share) and values.
    const attention =
      linear(width, 3 * width) + scores * (2 * (width / heads) * 2 + 1 + 7) + linear(width, width);
    // Mean, variance (subtract, square, add), normalise (subtract, multiply), weight and bias; four for each token.
    const norm = tokens * (8 * width + 4);
    const own = tokens * inner + 2 * tokens * width; // relu and two sums
    const layer = new nn.TransformerEncoderLayer(width, heads, { dimFeedforward: inner, batchFirst: true });
    const rows = await rowsOf(layer, [batch, length, width]);
    const flops = Object.fromEntries(rows.map(([name, , , count]) => [name, count]));
    expect(flops).toEqual({
      TransformerEncoderLayer: attention + 2 * norm + linear(width, inner) + linear(inner, width) + own,
      self_attn: attention,
      "self_attn.out_proj": linear(width, width),
      linear1: linear(width, inner),
      linear2: linear(inner, width),
      norm1: norm,
      norm2: norm,
      dropout: 0,
      dropout1: 0,
      dropout2: 0,
    });
  });

  test("several inputs and outputs, and a layer that is called twice", async () => {
    const net = new Twins();
    const { layers, parameters } = await summary(net, {
      inputs: [
        [5, 6],
        [5, 6],
      ],
    });
    const product = 5 * 4 * 2 * 6;
    expect(layers.map(({ name, flops, isRepeated }) => [name, flops, isRepeated])).toEqual([
      ["", 2 * product + 5 * 4 * 3, false],
      ["shared", product, false],
      ["shared", product, true],
    ]);
    expect(layers[0].outputs.map(({ shape }) => shape)).toEqual([[5], [5, 4], [5, 4]]);
    expect(parameters).toEqual({ total: 24 + 35, trainable: 24 + 35 });
  });
});

test("parameters that are held twice count once, and frozen ones are told apart", async () => {
  const net = new nn.Sequential(new nn.Linear(4, 4, { bias: false }), new nn.Linear(4, 4));
  const [first, second] = net.children() as nn.Linear[];
  second.weight = first.weight;
  second.bias!.requiresGrad = false;
  const { parameters, layers, memory } = await summary(net, { inputs: [[1, 4]] });
  expect(parameters).toEqual({ total: 20, trainable: 16 });
  expect(layers.map((layer) => layer.parameters.total)).toEqual([20, 16, 20]);
  expect([memory.parameterBytes, memory.bufferBytes]).toEqual([80, 0]);
});

test("memory is what compiled programs allocate, and the model stays as it is", async () => {
  const net = new Block();
  net.bn1.eval();
  const [before, forward] = [generatorState(), net.conv1.forward];
  const options = {
    inputs: [[2, 4, 8, 8]],
    loss: new nn.MSELoss(),
    optimizer: new optim.Adam(net.parameters()),
  };
  const { memory } = await summary(net, options);
  expect([generatorState(), net.conv1.forward, net.training, net.bn1.training]).toEqual([
    before,
    forward,
    true,
    false,
  ]);
  expect(memory.forward).toEqual((await compile(net, { inputs: options.inputs })).memory);
  expect(memory.training).toEqual((await compileTraining(net, options)).memory);
  // Three times the means and variances of eight channels, and the number of batches.
  expect(memory.bufferBytes).toBe(3 * (2 * 8 * 4 + 4));
});

test("it is a table as text", async () => {
  const net = new nn.Sequential({ body: new Block(), flat: new nn.Flatten() });
  for (const parameter of (net.children()[0] as Block).shortcut.parameters()) parameter.requiresGrad = false;
  const text = String(await summary(net, { inputs: [[2, 4, 8, 8]] }));
  expect(text.replace(/\nmemory .*/, "")).toBe(
    `layer                     output          parameters   FLOPs
────────────────────────────────────────────────────────────
Sequential                [2,128]    944 (48 frozen)  60.5 k
  body: Block             [2,8,4,4]  944 (48 frozen)  60.5 k
    conv1: Conv2d         [2,8,4,4]              288  18.4 k
    bn1: BatchNorm2d      [2,8,4,4]               16     792
    conv2: Conv2d         [2,8,4,4]              576  36.9 k
    bn2: BatchNorm2d      [2,8,4,4]               16     792
    shortcut: Sequential  [2,8,4,4]      48 (frozen)  2.84 k
      0: Conv2d           [2,8,4,4]      32 (frozen)  2.05 k
      1: BatchNorm2d      [2,8,4,4]      16 (frozen)     792
  flat: Flatten           [2,128]                  –       –

inputs       [2,4,8,8]
parameters   944, of which 48 are frozen: 3.78 kB, and 204 B of buffers
operations   60.5 kFLOP forward, a multiply-add counting as two`,
  );
});

test("what it cannot do is said", async () => {
  const net = new nn.Linear(2, 2);
  await expect(summary(nn.Linear as unknown as nn.Module, { inputs: [[1, 2]] })).rejects.toThrow(
    "make one with new Linear()",
  );
  await expect(summary(net, { inputs: [[1, 3]] })).rejects.toThrow("linear expects 2 input features");
  await expect(summary(net, { inputs: [[1, 2]], loss: new nn.MSELoss() })).rejects.toThrow(
    "a loss and an optimizer",
  );
  await expect(summary(net, { inputs: [[1, 2]], depth: 3 } as never)).rejects.toThrow("has no option depth");
});
