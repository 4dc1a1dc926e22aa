/** Recurrent layers and cells against PyTorch: outputs, last states, gradients, three steps; lengths against packed sequences. */

import { arange, nn, type Tensor, tensor } from "kiln-js";
import { Joined } from "../support/joined.ts";
import { testModuleCases } from "../support/module-cases.ts";

const pair = (
  net: { forward(x: Tensor, state: readonly [Tensor, Tensor]): unknown },
  x: Tensor,
  h: Tensor,
  c: Tensor,
): unknown => net.forward(x, [h, c]);

const lengths =
  (...counts: number[]) =>
  (net: nn.LSTM | nn.GRU, x: Tensor): unknown =>
    net.forward(x, undefined, { lengths: tensor(counts, { dtype: "int32" }) });

testModuleCases("modules_recurrent", {
  RNN: () => new Joined(new nn.RNN(2, 3)),
  "RNN of relu, two layers, both directions": () =>
    new Joined(new nn.RNN(2, 2, 2, { nonlinearity: "relu", bias: false, bidirectional: true })),
  LSTM: () => new Joined(new nn.LSTM(2, 3, { batchFirst: true })),
  "LSTM of states, two layers, both directions, projected": () =>
    new Joined(new nn.LSTM(2, 2, { numLayers: 2, bidirectional: true, projSize: 1, dropout: 0 }), pair),
  "LSTM of one sequence": () => new Joined(new nn.LSTM(2, 2, { bias: false }), pair),
  "LSTM of lengths": () =>
    new Joined(new nn.LSTM(2, 2, { batchFirst: true, bidirectional: true }), lengths(3, 4, 1)),
  "LSTM with dropout, evaluated": () => new Joined(new nn.LSTM(2, 2, 2, { dropout: 0.5 })),
  GRU: () => new Joined(new nn.GRU(2, 3)),
  "GRU of a state, two layers, both directions": () =>
    new Joined(new nn.GRU(2, 2, 2, { bias: false, batchFirst: true, bidirectional: true })),
  "GRU of lengths": () => new Joined(new nn.GRU(2, 2, { batchFirst: true, numLayers: 2 }), lengths(2, 3)),
  "GRU of padding, which a mask leaves out": () =>
    new Joined(new nn.GRU(2, 2, { batchFirst: true, bidirectional: true }), (net, x) => {
      const isPadding = arange(3, { dtype: "int32" }).ge(tensor([[2], [3]], { dtype: "int32" }));
      return net.forward(x)[0].maskedFill(isPadding.unsqueeze(-1), -1).amax(1);
    }),
  RNNCell: () => new Joined(new nn.RNNCell(2, 3)),
  "RNNCell of relu": () => new Joined(new nn.RNNCell(2, 3, { bias: false, nonlinearity: "relu" })),
  LSTMCell: () => new Joined(new nn.LSTMCell(2, 3), pair),
  "LSTMCell without bias": () => new Joined(new nn.LSTMCell(2, 3, false)),
  GRUCell: () => new Joined(new nn.GRUCell(2, 3)),
  "GRUCell without bias": () => new Joined(new nn.GRUCell(2, 3, { bias: false })),
});
