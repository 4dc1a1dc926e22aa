/** Recurrent layers as users meet them: typed results, compiled and interactive, initial numbers, mistakes. */

import { compile, compileTraining, manualSeed, nn, optim, randn, type Tensor, tensor, zeros } from "kiln-js";
import { describe, expect, test } from "vitest";

class Classifier extends nn.Module {
  lstm = new nn.LSTM(3, 4, { batchFirst: true });
  head = new nn.Linear(4, 2);

  forward(x: Tensor): Tensor {
    const [, [h]] = this.lstm.forward(x);
    return this.head.forward(h.select(0, -1));
  }
}

describe("LSTM", () => {
  test("gives [out, [h, c]], compiled as interactive, and the last output is the last state", async () => {
    manualSeed(1);
    const lstm = new nn.LSTM(3, 4, { numLayers: 2 });
    const x = randn([5, 2, 3]);
    const [out, [h, c]] = lstm.forward(x);
    expect([out.shape, h.shape, c.shape]).toEqual([
      [5, 2, 4],
      [2, 2, 4],
      [2, 2, 4],
    ]);
    expect(await out.select(0, 4).data()).toEqual(await h.select(0, 1).data());
    const [compiled, [, compiledC]] = await (await compile(lstm, { inputs: [[5, 2, 3]] })).run(x);
    for (const [own, other] of [
      [out, compiled],
      [c, compiledC],
    ]) {
      const expected = await own.data();
      // Sums of at most four products, in another order: a few units in the last place of numbers below 1.
      for (const [k, value] of (await other.data()).entries()) expect(value).toBeCloseTo(expected[k], 6);
    }
  });

  test("is trained as a part of a model", async () => {
    manualSeed(2);
    const net = new Classifier();
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.05 });
    const loss = new nn.CrossEntropyLoss();
    const trainer = await compileTraining(net, { inputs: [[4, 6, 3]], loss, optimizer });
    const [x, y] = [randn([4, 6, 3]), tensor([0, 1, 1, 0], { dtype: "int32" })];
    const first = await trainer.step(x, y);
    for (let k = 0; k < 30; k++) await trainer.step(x, y);
    expect(await trainer.step(x, y)).toBeLessThan(first / 2);
  });

  test("has as many kernels for 64 steps as for 4", async () => {
    const kernels = async (steps: number): Promise<number> => {
      const net = new Classifier();
      const optimizer = new optim.SGD(net.parameters(), { lr: 0.1 });
      const loss = new nn.CrossEntropyLoss();
      return (await compileTraining(net, { inputs: [[2, steps, 3]], loss, optimizer, backend: "js" })).kernels
        .length;
    };
    expect(await kernels(64)).toBe(await kernels(4));
  });

  test("drops outputs between its layers while training, and nothing in evaluation", async () => {
    manualSeed(3);
    const lstm = new nn.LSTM(2, 3, { numLayers: 2, dropout: 1 });
    const [x, other] = [randn([3, 1, 2]), randn([3, 1, 2])];
    const outputs = async (): Promise<unknown[]> =>
      Promise.all([x, other].map(async (given) => (await lstm.forward(given)[0].array()) as unknown));
    // All that reaches the second layer is dropped, so that it cannot tell the inputs apart.
    const [a, b] = await outputs();
    expect(a).toEqual(b);
    lstm.eval();
    const [c, d] = await outputs();
    expect(c).not.toEqual(d);
  });

  test("starts within ±1/√hidden, under PyTorch's names in PyTorch's order", async () => {
    const lstm = new nn.LSTM(3, 4, { bidirectional: true, projSize: 2 });
    const names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"];
    expect(Object.keys(lstm.stateDict())).toEqual([
      ...names.map((name) => `${name}_l0`),
      ...names.map((name) => `${name}_l0_reverse`),
    ]);
    const largest = Math.max(...(await lstm.weight_ih_l0.data()).map(Math.abs));
    expect(largest).toBeLessThanOrEqual(0.5);
    expect(largest).toBeGreaterThan(0.4);
  });
});

/** A GRU whose lengths are an input, or computed from one. */
class Lengths extends nn.Module {
  gru = new nn.GRU(1, 2, { batchFirst: true });
  readonly more: number;

  constructor(more = 0) {
    super();
    this.more = more;
  }

  forward(x: Tensor, lengths: Tensor): Tensor {
    const own = this.more === 0 ? lengths : lengths.add(this.more);
    return this.gru.forward(x, undefined, { lengths: own })[0];
  }
}

describe("lengths that a program is fed", () => {
  const inputs = [[2, 4, 1], { shape: [2], dtype: "int32" as const }];
  const lengths = (...list: number[]): Tensor => tensor(list, { dtype: "int32" });

  test("are checked at each run, where they are fed and where they are computed", async () => {
    const x = randn(2, 4, 1);
    const program = await compile(new Lengths(), { inputs });
    await program.run(x, lengths(1, 4));
    await expect(program.run(x, lengths(5, 4))).rejects.toThrow(
      "GRU's lengths must be in 1..4, but 5 at position 0 of the list [2] does not",
    );
    await expect(program.run(x, lengths(1, 0))).rejects.toThrow("but 0 at position 1 of the list [2]");
    const computed = await compile(new Lengths(2), { inputs });
    await computed.run(x, lengths(-1, 2));
    await expect(computed.run(x, lengths(3, 1))).rejects.toThrow(
      "GRU's lengths must be in 1..4, but 5, computed for the list, does not",
    );
  });

  test("are possible ones where the program is measured", async () => {
    const program = await compile(new Lengths(), { inputs });
    expect(program.inputs[1]).toMatchObject({ least: 1, below: 5 });
    expect((await program.profile({ milliseconds: 1 })).kernels.length).toBeGreaterThan(0);
  });
});

describe("mistakes are told in one line", () => {
  const x = zeros(2, 5, 3);
  const int32 = { dtype: "int32" } as const;
  test.each<[string, () => unknown]>([
    [
      "LSTM of inputSize 3 expects [N,T,in] but got float32[2,5,4]",
      () => new nn.LSTM(3, 4, { batchFirst: true }).forward(zeros(2, 5, 4)),
    ],
    [
      "GRU expects float32 [T,N,in], or one sequence [T,in], but got float32[3]",
      () => new nn.GRU(3, 4).forward(zeros(3)),
    ],
    [
      "RNN expects sequences of at least one step but got float32[0,2,3]",
      () => new nn.RNN(3, 4).forward(zeros(0, 2, 3)),
    ],
    [
      "LSTM expects an initial state float32[1,5,4] (layers and directions, batch, size) but got float32[1,2,4]",
      () => new nn.LSTM(3, 4).forward(x, [zeros(1, 2, 4), zeros(1, 5, 4)]),
    ],
    [
      "LSTM expects its initial states as a pair [h0, c0]",
      () => new nn.LSTM(3, 4).forward(x, zeros(1, 5, 4) as unknown as [Tensor, Tensor]),
    ],
    [
      "GRU expects lengths int32[5], one for each sequence, but got float32[5]",
      () => new nn.GRU(3, 4).forward(x, undefined, { lengths: zeros(5) }),
    ],
    [
      "GRU's lengths must be in 1..2, but 3 at position 2 of the list [5] does not",
      () => new nn.GRU(3, 4).forward(x, undefined, { lengths: tensor([1, 2, 3, 1, 1], int32) }),
    ],
    [
      "LSTM's forward has no option length (did you mean lengths?)",
      () => new nn.LSTM(3, 4).forward(x, undefined, { length: tensor([1], int32) } as object),
    ],
    [
      "GRU's forward's lengths must be a tensor, not [1,2]",
      () => new nn.GRU(3, 4).forward(x, undefined, { lengths: [1, 2] as unknown as Tensor }),
    ],
    ["LSTM's projSize 4 must be smaller than its hiddenSize 4", () => new nn.LSTM(3, 4, { projSize: 4 })],
    [
      "LSTM: dropout probability has to be between 0 and 1, but got 2",
      () => new nn.LSTM(3, 4, { dropout: 2 }),
    ],
    [
      "RNN's nonlinearity must be one of tanh, relu",
      () => new nn.RNN(3, 4, { nonlinearity: "gelu" as "relu" }),
    ],
    [
      "GRUCell expects a state float32[2,4] but got float32[4]",
      () => new nn.GRUCell(3, 4).forward(zeros(2, 3), zeros(4)),
    ],
    [
      "LSTMCell of inputSize 3 expects float32 [N,in] or [in] but got float32[2,4]",
      () => new nn.LSTMCell(3, 4).forward(zeros(2, 4)),
    ],
    [
      "padSequence takes sequences [T,…] that differ in length alone, but got float32[2,3] and float32[2,4]",
      () => nn.utils.rnn.padSequence([zeros(2, 3), zeros(2, 4)]),
    ],
  ])("%s", (message, call) => expect(call).toThrow(message));
});

describe("padSequence", () => {
  const sequences = [tensor([1, 2, 3]), tensor([4])];

  test("puts sequences side by side, padded behind their ends", async () => {
    expect(await nn.utils.rnn.padSequence(sequences).array()).toEqual([
      [1, 4],
      [2, 0],
      [3, 0],
    ]);
  });

  test("one below the other, with another value, on the left", async () => {
    const padded = nn.utils.rnn.padSequence(sequences, {
      batchFirst: true,
      paddingValue: -1,
      paddingSide: "left",
    });
    expect(await padded.array()).toEqual([
      [1, 2, 3],
      [-1, -1, 4],
    ]);
  });
});
