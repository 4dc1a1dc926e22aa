// Predicts each character of a text from those before it.
import { arange, data, F, nn, optim, type Tensor } from "kiln-js";

const sentence =
  "The step runs again and again, and never looks at the graph. ";
const text = sentence.repeat(60);
const vocabulary = new data.CharVocabulary(text);
const length = 32;
const width = 48;

class Attention extends nn.Module {
  qkv = new nn.Linear(width, 3 * width);
  out = new nn.Linear(width, width);

  override forward(x: Tensor): Tensor {
    const heads = this.qkv.forward(x).chunk(3, -1);
    const [q, k, v] = heads.map((part) =>
      part.unflatten(-1, [4, -1]).transpose(1, 2),
    );
    const mixed = F.scaledDotProductAttention(q, k, v, undefined, {
      isCausal: true,
    });
    return this.out.forward(mixed.transpose(1, 2).flatten(2));
  }
}

export default class Transformer extends nn.Module {
  tokens = new nn.Embedding(vocabulary.size, width);
  places = new nn.Embedding(length, width);
  norm = new nn.LayerNorm(width);
  attention = new Attention();
  head = new nn.Sequential(
    new nn.LayerNorm(width),
    new nn.Linear(width, 4 * width),
    new nn.GELU(),
    new nn.Linear(4 * width, vocabulary.size),
  );

  override forward(x: Tensor): Tensor {
    x = this.tokens
      .forward(x)
      .add(this.places.forward(arange(length, { dtype: "int32" })));
    x = x.add(this.attention.forward(this.norm.forward(x)));
    return this.head.forward(x).transpose(1, 2);
  }
}

export const inputs = [{ shape: [16, length], dtype: "int32" }];
export const dataset = {
  train: new data.TokenDataset(vocabulary.encode(text), length, 7),
  test: new data.TokenDataset(vocabulary.encode(text), length, 7),
};
export const optimizer = (parameters: readonly nn.Parameter[]) =>
  new optim.AdamW(parameters, { lr: 0.003 });
