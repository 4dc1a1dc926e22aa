/** Layers that parameters() would not find are found, and those that are stored somewhere it looks are not. */

import { describe, expect, it } from "vitest";
import { isStateless } from "../../src/check/stateless-layers.ts";
import { nn } from "../../src/index.ts";
import { forward, foundIn, messagesOf } from "./checked.ts";

const BLOCK =
  "class Block extends nn.Module { fc = new nn.Linear(8, 8); forward(x: Tensor): Tensor { return this.fc.forward(x); } }";

describe("a layer that is built in forward", () => {
  it.each([
    ["and used at once", "return new nn.Linear(8, 8).forward(x);"],
    [
      "and kept in a variable",
      "const fc = new nn.Linear({ inFeatures: 8, outFeatures: 8 });\nreturn fc.forward(x);",
    ],
    ["of a mode", "return new nn.Dropout(0.5).forward(x);"],
    ["of several", "return new nn.Sequential(new nn.Linear(8, 8), new nn.ReLU()).forward(x);"],
    ["of the user's", "return new Block().forward(x);"],
    ["as a parameter", "return x.mul(new nn.Parameter(ones(1)));"],
    [
      "and stored too late",
      "(this as any).late ??= new nn.Linear(8, 8);\nreturn (this as any).late.forward(x);",
    ],
    ["under another name", "return new Dense(8, 8).forward(x);"],
  ])("%s is an error", (_, body) => {
    expect(foundIn(forward(body), `${BLOCK} const { Linear: Dense } = nn;`)).toEqual([
      "5 layer-not-stored error",
    ]);
  });

  it("in a helper, too", () => {
    const members = `${forward("return this.head(x);")}\n  head(x: Tensor): Tensor {\n    return new nn.Linear(8, 2).forward(x);\n  }`;
    expect(foundIn(members)).toEqual(["8 layer-not-stored error"]);
  });

  it.each(["new nn.ReLU()", "new nn.MaxPool2d(2)", "new nn.Sequential(new nn.ReLU())", "new nn.MSELoss()"])(
    "without anything to learn, %s, is at most a warning",
    (layer) => {
      const [found] = foundIn(forward(`return ${layer}.forward(x, x);`));
      expect(found).toBe(
        layer.includes("Sequential") ? "5 layer-not-stored error" : "5 layer-not-stored warning",
      );
    },
  );

  it("is named with the field to write", () => {
    expect(messagesOf(forward("return new nn.Linear(8, 8).forward(x);"))).toEqual([
      "Net.forward builds new nn.Linear(8, 8), a new one in every trace, whose parameters and mode are not the model's: " +
        "store it as a field (linear = new nn.Linear(8, 8)) and call its forward here",
    ]);
    expect(messagesOf(forward("return new nn.ReLU().forward(x);"))[0]).toMatch(
      /again in every trace: store it as a field \(reLU = .*\) .*, or use its function in F$/,
    );
  });
});

describe("a layer that is stored where parameters() does not look", () => {
  it.each([
    ["beside the class", forward("return fc.forward(x);"), "const fc = new nn.Linear(8, 8);", 5],
    ["in an array", `  fcs = [new nn.Linear(8, 8)];\n${forward("return this.fcs[0].forward(x);")}`, "", 4],
    [
      "in an object",
      `  fcs = { a: new nn.Linear(8, 8) };\n${forward("return this.fcs.a.forward(x);")}`,
      "",
      4,
    ],
    [
      "in an array from a function",
      `  fcs = Array.from({ length: 2 }, () => new nn.Linear(8, 8));\n${forward("return this.fcs[0].forward(x);")}`,
      "",
      4,
    ],
    [
      "in a mapped array",
      `  fcs = [8, 8].map((n) => new nn.Linear(n, n));\n${forward("return this.fcs[0].forward(x);")}`,
      "",
      4,
    ],
    ["in a private field", `  #fc = new nn.Linear(8, 8);\n${forward("return this.#fc.forward(x);")}`, "", 4],
    [
      "in a static field",
      `  static fc = new nn.Linear(8, 8);\n${forward("return Net.fc.forward(x);")}`,
      "",
      4,
    ],
    [
      "in an array of the constructor",
      `  constructor() { super(); this.fcs = [new Block()]; }\n${forward("return this.fcs[0].forward(x);")}`,
      BLOCK,
      4,
    ],
    [
      "in an array of parameters",
      `  ws = [new nn.Parameter(ones(1))];\n${forward("return x.mul(this.ws[0]);")}`,
      "",
      4,
    ],
  ])("%s", (_, members, before, line) => {
    expect(foundIn(members, before)).toEqual([`${line} layer-not-stored error`]);
  });

  it("says which container does", () => {
    expect(
      messagesOf(`  fcs = [new nn.Linear(8, 8)];\n${forward("return this.fcs[0].forward(x);")}`),
    ).toEqual([
      "Net's field fcs is a plain array, where parameters() does not find layers: wrap it in new nn.ModuleList(…)",
    ]);
    expect(messagesOf(forward("return fc.forward(x);"), "const fc = new nn.Linear(8, 8);")).toEqual([
      "Net.forward uses the layer fc, which is not a field of Net: its parameters do not learn; " +
        "store it as a field and call this.fc.forward(…)",
    ]);
  });
});

describe("a layer that is stored well", () => {
  it.each([
    ["as a field", `  fc = new nn.Linear(8, 8);\n${forward("return this.fc.forward(x);")}`],
    [
      "by the constructor",
      `  fc: nn.Linear;\n  constructor() {\n    super();\n    this.fc = new nn.Linear(8, 8);\n  }\n${forward("return this.fc.forward(x);")}`,
    ],
    [
      "in a ModuleList",
      `  fcs = new nn.ModuleList([new nn.Linear(8, 8)]);\n${forward("for (const fc of this.fcs) x = fc.forward(x);\nreturn x;")}`,
    ],
    [
      "in a ModuleDict",
      `  fcs = new nn.ModuleDict({ a: new nn.Linear(8, 8) });\n${forward("return this.fcs.get('a').forward(x);")}`,
    ],
    [
      "in a Sequential",
      `  fcs = new nn.Sequential(new nn.Linear(8, 8), new nn.Sequential({ a: new nn.ReLU() }));\n${forward("return this.fcs.forward(x);")}`,
    ],
    [
      "in an array that a container takes over",
      `  fcs = [new nn.Linear(8, 8)];\n  all = new nn.ModuleList(this.fcs);\n${forward("return this.all.get(0).forward(x);")}`,
    ],
    ["after it was made beside the class", `  fc = shared;\n${forward("return shared.forward(x);")}`],
    [
      "and is called through a variable",
      `  fc = new nn.Linear(8, 8);\n${forward("const { fc } = this;\nreturn fc.forward(x);")}`,
    ],
    [
      "without anything to learn, in an array",
      `  acts = [new nn.ReLU()];\n${forward("return this.acts[0].forward(x);")}`,
    ],
    [
      "and there is a tensor in an array",
      `  scales = [ones(1)];\n${forward("return x.mul(this.scales[0]);")}`,
    ],
  ])("%s", (_, members) => {
    expect(foundIn(members, "const shared = new nn.Linear(8, 8);")).toEqual([]);
  });
});

describe("the list of layers without state", () => {
  const HOLDING = [
    ...["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm", "LayerNorm", "RMSNorm"],
    ...["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"],
    ...["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"],
    ...["AdaptiveLogSoftmaxWithLoss", "Bilinear", "Embedding", "EmbeddingBag", "Linear", "PReLU"],
    ...["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell", "MultiheadAttention", "Transformer"],
    ...["TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer"],
  ];
  const OTHERS = [
    "ModuleDict",
    "ModuleList",
    "Sequential",
    "Module",
    "Parameter",
    "Buffer",
    "ParameterDict",
    "ParameterList",
  ];
  const DROPOUTS = [
    ...["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"],
    ...["FractionalMaxPool2d", "FractionalMaxPool3d", "RReLU"],
  ];

  it("has every module of nn that is not known to hold something or to have modes", () => {
    const classes = Object.keys(nn).filter((name) => /^[A-Z]/.test(name));
    const rest = classes.filter((name) => !isStateless(name)).sort();
    expect(rest).toEqual([...HOLDING, ...OTHERS, ...DROPOUTS].sort());
  });
});
