/** Convolutions, transposed ones, embeddings and Unflatten against PyTorch, with all their options. */

import { F, nn, zeros } from "kiln-js";
import { testModuleCases } from "../support/module-cases.ts";

testModuleCases("modules_convolution", {
  Conv1d: () => new nn.Conv1d(2, 3, 3),
  "Conv1d, all options": () =>
    new nn.Conv1d(4, 6, 3, { stride: 2, padding: 2, dilation: 2, groups: 2, bias: false }),
  "Conv1d same circular": () => new nn.Conv1d(2, 3, 4, { padding: "same", paddingMode: "circular" }),
  "Conv2d same": () => new nn.Conv2d(2, 3, [3, 4], { padding: "same", dilation: [2, 1] }),
  "Conv2d valid": () => new nn.Conv2d(2, 3, 3, 2, "valid"),
  "Conv2d reflect": () => new nn.Conv2d(2, 2, 3, { padding: [2, 1], paddingMode: "reflect" }),
  "Conv2d replicate": () => new nn.Conv2d(2, 2, 3, 2, 2, { paddingMode: "replicate" }),
  "Conv2d circular": () => new nn.Conv2d(2, 2, [2, 3], 1, "same", 1, 1, false, "circular"),
  "Conv2d depthwise": () => new nn.Conv2d(3, 6, 3, { padding: 1, dilation: 2, groups: 3 }),
  ConvTranspose2d: () => new nn.ConvTranspose2d(3, 2, 3),
  "ConvTranspose2d, all options": () =>
    new nn.ConvTranspose2d({
      inChannels: 4,
      outChannels: 6,
      kernelSize: [3, 2],
      stride: [2, 3],
      padding: 1,
      outputPadding: [1, 2],
      groups: 2,
      bias: false,
      dilation: [2, 1],
    }),
  "ConvTranspose2d doubling": () => new nn.ConvTranspose2d(2, 3, 4, 2, 1),
  Embedding: () => new nn.Embedding(6, 3),
  "Embedding with padding": () => new nn.Embedding(5, 4, -2),
  "Embedding by frequency": () => new nn.Embedding(4, 3, { scaleGradByFreq: true, paddingIdx: 0 }),
  "Embedding pretrained": () => nn.Embedding.fromPretrained(zeros(5, 3), { freeze: false, paddingIdx: 1 }),
  "Embedding frozen": () => nn.Embedding.fromPretrained(zeros(5, 3), { paddingIdx: 1 }),
  conv1d: () => (x, w, b) => F.conv1d(x, w, b, 1, "same"),
  conv_transpose2d: () => (x, w) => F.convTranspose2d(x, w, undefined, { stride: 2, outputPadding: 1 }),
  embedding: () => (i, w) => F.embedding(i, w, { paddingIdx: 3 }),
  Unflatten: () => new nn.Unflatten(1, [2, 5]),
  "Unflatten -2 with a hole": () => new nn.Unflatten({ dim: -2, unflattenedSize: [3, -1, 2] }),
  autoencoder: () =>
    new nn.Sequential(
      new nn.Conv2d(1, 2, 3, 2, 1),
      new nn.Tanh(),
      new nn.Flatten(),
      new nn.Linear(8, 8),
      new nn.Unflatten(1, [2, 2, 2]),
      new nn.ConvTranspose2d(2, 1, 2, 2),
    ),
});
