/**
 * The nets of examples/zoo have PyTorch's state dicts, and three steps from the same weights give PyTorch's losses,
 * parameters and buffers. test/fixtures/zoo/training.py says how to add a net.
 */

import { readdirSync } from "node:fs";
import { nn, optim } from "kiln-js";
import { expect, test } from "vitest";
import { CharGPT, NextCharacterLoss as GptLoss } from "../../examples/zoo/char-gpt.ts";
import { Denoiser } from "../../examples/zoo/ddpm.ts";
import { Learner, QNet } from "../../examples/zoo/dqn.ts";
import { WaveReader } from "../../examples/zoo/gru-classifier.ts";
import { BracketReader } from "../../examples/zoo/lstm-classifier.ts";
import { MatrixFactorisation } from "../../examples/zoo/matrix-factorisation.ts";
import { MobileNetV2, type Stage } from "../../examples/zoo/mobilenet.ts";
import { Residuals, Wave, WaveEquation } from "../../examples/zoo/pinn.ts";
import { ResNet } from "../../examples/zoo/resnet.ts";
import { Embedder, Siamese } from "../../examples/zoo/siamese.ts";
import { TabularMLP } from "../../examples/zoo/tabular.ts";
import { TextClassifier } from "../../examples/zoo/text-classifier.ts";
import { UNet } from "../../examples/zoo/unet.ts";
import { ViT } from "../../examples/zoo/vit.ts";
import { isHere } from "../backends/c/toolchain.ts";
import { oneIn, SEED } from "../support/extent.ts";
import { charRnn, dcgan, vae } from "../support/zoo-steps.ts";
import { compareWithPyTorch, supervised, type ZooCase } from "../support/zoo-training.ts";

const NARROW: readonly Stage[] = [
  [1, 8, 1, 1],
  [4, 12, 2, 2],
  [4, 16, 1, 2],
];

/** By the names of the fixtures, in alphabetical order. */
const ZOO: Readonly<Record<string, ZooCase>> = {
  char_gpt: {
    net: () => new CharGPT(16, 8),
    train: supervised(new GptLoss(), (p) => new optim.AdamW(p, { lr: 0.01, eps: 1e-3, weightDecay: 0.1 })),
  },
  char_rnn: charRnn,
  dcgan,
  ddpm: {
    net: () => new Denoiser(1),
    train: supervised(new nn.MSELoss(), (p) => new optim.AdamW(p, { lr: 0.01, eps: 1e-3 })),
  },
  dqn: {
    net: () => new Learner(new QNet(), new QNet()),
    train: supervised(new nn.HuberLoss(), (p) => new optim.Adam(p, { lr: 0.02, eps: 1e-3 }), 0),
  },
  gru_classifier: {
    net: () => new WaveReader(6, 0),
    train: supervised(new nn.CrossEntropyLoss(), (p) => new optim.Adam(p, { lr: 0.01, eps: 1e-3 })),
  },
  lstm_classifier: {
    net: () => new BracketReader(),
    train: supervised(new nn.CrossEntropyLoss(), (p) => new optim.Adam(p, { lr: 0.01, eps: 1e-3 })),
  },
  matrix_factorisation: {
    net: () => new MatrixFactorisation(5, 7, 3),
    train: supervised(new nn.MSELoss(), (p) => new optim.AdamW(p, { lr: 0.02, eps: 1e-3, weightDecay: 0.1 })),
  },
  mobilenet: {
    net: () => new MobileNetV2(5, NARROW, 32, 2, 0),
    train: supervised(new nn.CrossEntropyLoss(), (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9 })),
  },
  pinn: {
    net: () => new WaveEquation(new Wave()),
    train: supervised(new Residuals(), (p) => new optim.Adam(p, { lr: 0.01, eps: 1e-3 }), 0),
  },
  resnet: {
    net: () => new ResNet({ width: 8 }),
    train: supervised(
      new nn.CrossEntropyLoss(),
      (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, weightDecay: 5e-4 }),
    ),
  },
  siamese: {
    net: () => new Siamese(new Embedder(4, 8)),
    train: supervised(
      new nn.TripletMarginLoss({ margin: 0.5 }),
      (p) => new optim.Adam(p, { lr: 0.01, eps: 1e-3 }),
      0,
    ),
  },
  tabular: {
    net: () => new TabularMLP(7, 12, 0),
    train: supervised(new nn.MSELoss(), (p) => new optim.AdamW(p, { lr: 0.01, eps: 1e-3 })),
  },
  text_classifier: {
    net: () => new TextClassifier(16),
    train: supervised(new nn.CrossEntropyLoss(), (p) => new optim.AdamW(p, { lr: 0.01, eps: 1e-3 })),
  },
  unet: {
    net: () => new UNet(3, 4),
    train: supervised(new nn.CrossEntropyLoss(), (p) => new optim.AdamW(p, { lr: 0.01, eps: 1e-3 })),
  },
  vae,
  vit: {
    net: () => new ViT(16, 2, 12),
    train: supervised(new nn.CrossEntropyLoss(), (p) => new optim.AdamW(p, { lr: 0.01, eps: 1e-3 })),
  },
};

/** The smallest net, for the backend that shows what the kernels mean. */
const INTERPRETED = "lstm_classifier";

test("every fixture has its net", () => {
  const files = readdirSync(new URL("../fixtures/zoo", import.meta.url)).filter((file) =>
    file.endsWith(".json"),
  );
  expect(Object.keys(ZOO).map((name) => `${name}.json`)).toEqual(files.sort());
});

test.each(oneIn(3, Object.keys(ZOO)))("%s trains as in PyTorch", (name) =>
  compareWithPyTorch(name, ZOO[name], "wasm"),
);

test(`${INTERPRETED} trains as in PyTorch, interpreted`, () =>
  compareWithPyTorch(INTERPRETED, ZOO[INTERPRETED], "interpret"));

/** Nets that the system's compiler builds in a few seconds: one for each seed, all of them in a night's run. */
const IN_C = ["lstm_classifier", "tabular", "text_classifier", "unet", "char_gpt", "vit", "ddpm"];

test
  .skipIf(!isHere)
  .each(IN_C.filter((_, k) => process.env.KILN_LONG_RUNS !== undefined || k === SEED % IN_C.length))(
  "%s trains as in PyTorch, in C",
  (name) => compareWithPyTorch(name, ZOO[name], "c"),
);
